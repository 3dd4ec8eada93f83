using Faith.Engine.Data;
using Faith.Engine.Models;

namespace Faith.Cli.Benchmarks;

/// <summary>Prompts of random tokens, for timing: the same in every run of the program.</summary>
internal static class RandomPrompts
{
    private const int Seed = 1;

    /// <summary>Prompts of one length that agree in their first tokens and differ in the next one.</summary>
    /// <param name="config">The model.</param>
    /// <param name="count">How many.</param>
    /// <param name="tokens">Tokens of each.</param>
    /// <param name="firstDifference">Share of the prompt before the first token that differs; at least the last token differs.</param>
    public static PromptSet Create(ModelConfig config, int count, int tokens, double firstDifference)
    {
        var random = new Random(Seed);
        var shared = Math.Min((int)Math.Round(firstDifference * tokens), tokens - 1);
        return PromptSet.FromExamples("random prompts", Enumerable.Range(0, count).Select(_ =>
        {
            var clean = Tokens(tokens);
            int[] corrupted = [.. clean[..shared], .. Tokens(tokens - shared)];
            while (corrupted[shared] == clean[shared]) corrupted[shared] = random.Next(config.Vocabulary);
            var answer = random.Next(config.Vocabulary);
            return new Example(clean, corrupted, [answer], [(answer + 1) % config.Vocabulary]);
        }), config);

        int[] Tokens(int length) => [.. Enumerable.Range(0, length).Select(_ => random.Next(config.Vocabulary))];
    }
}
