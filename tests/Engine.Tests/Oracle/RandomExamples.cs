using Faith.Engine.Data;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Random prompts for random models, in the ways in which clean and corrupted prompts can differ.</summary>
public static class RandomExamples
{
    /// <summary>
    /// Examples of ragged lengths 2 … <paramref name="longest"/> with one to three answers and one to three distractors. Their
    /// differences run through these cases in turn, so that six examples have them all: some positions anywhere; position 0 and
    /// others; the last position only; the last two; from the middle on, everything; one position only. Every third example
    /// shares the first half of its prompt with the one before it.
    /// </summary>
    public static Example[] Create(int seed, int vocabulary, int count = 6, int longest = 9)
    {
        var random = new Random(seed);
        var examples = new Example[count];
        for (var i = 0; i < count; i++)
        {
            var length = i == 0 ? longest : random.Next(2, longest + 1);
            var clean = Tokens(random, vocabulary, length);
            if (i % 3 == 2) examples[i - 1].Clean.AsSpan(0, Math.Min(length, examples[i - 1].Clean.Length) / 2).CopyTo(clean);
            examples[i] = Corrupt(random, vocabulary, clean, DifferingPositions(random, i % 6, length));
        }
        return examples;
    }

    /// <summary>Examples of one length that all differ in exactly these positions.</summary>
    public static Example[] DifferingAt(int seed, int vocabulary, int count, int length, params int[] positions)
    {
        var random = new Random(seed);
        return Enumerable.Range(0, count).Select(_ => Corrupt(random, vocabulary, Tokens(random, vocabulary, length), positions)).ToArray();
    }

    private static int[] DifferingPositions(Random random, int kind, int length) => kind switch
    {
        0 => Enumerable.Range(0, length).Where(t => t == length / 3 || random.Next(3) == 0).ToArray(),
        1 => Enumerable.Range(0, length).Where(t => t == 0 || random.Next(3) == 0).ToArray(),
        2 => [length - 1],
        3 => [length - 2, length - 1],
        4 => Enumerable.Range(length / 2, length - length / 2).ToArray(),
        _ => [random.Next(length)],
    };

    private static Example Corrupt(Random random, int vocabulary, int[] clean, int[] positions)
    {
        var corrupted = (int[])clean.Clone();
        foreach (var t in positions) corrupted[t] = (clean[t] + random.Next(1, vocabulary)) % vocabulary;
        var tokens = Enumerable.Range(0, vocabulary).ToArray();
        random.Shuffle(tokens);
        var answers = random.Next(1, 4);
        return new(clean, corrupted, tokens[..answers], tokens[answers..(answers + random.Next(1, 4))]);
    }

    private static int[] Tokens(Random random, int vocabulary, int length) =>
        Enumerable.Range(0, length).Select(_ => random.Next(vocabulary)).ToArray();
}
