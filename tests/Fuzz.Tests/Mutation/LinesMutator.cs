using System.Text;

namespace Faith.Fuzz.Tests.Mutation;

/// <summary>Damages files whose lines mean something: JSONL, CSV and lists of merges.</summary>
internal static class LinesMutator
{
    /// <summary>Lines that are JSON each.</summary>
    public static byte[] MutateJsonLines(Random random, byte[] original) => Mutate(random, original, JsonMutator.Mutate);

    /// <summary>Lines of cells that a comma separates.</summary>
    public static byte[] MutateTable(Random random, byte[] original) => Mutate(random, original, (r, line) => MutateCells(r, line, (byte)','));

    /// <summary>Lines of words that a space separates.</summary>
    public static byte[] MutateWords(Random random, byte[] original) => Mutate(random, original, (r, line) => MutateCells(r, line, (byte)' '));

    private static byte[] Mutate(Random random, byte[] original, Func<Random, byte[], byte[]> mutateLine)
    {
        if (random.Next(4) == 0) return BytesMutator.Mutate(random, original);
        var lines = Split(original, (byte)'\n');
        for (var edits = random.Next(1, 4); edits > 0 && lines.Count > 0; edits--)
        {
            var at = random.Next(lines.Count);
            switch (random.Next(9))
            {
                case 0: lines.RemoveAt(at); break;
                case 1: lines.Insert(random.Next(lines.Count), lines[at]); break;
                case 2: lines.Insert(at, random.Next(2) == 0 ? [] : Pieces.Token(random)); break;
                case 3: lines.InsertRange(at, Enumerable.Repeat(lines[at], random.Next(2, 500))); break;
                case 4: lines[at] = [.. lines[at], (byte)'\r']; break;
                default: lines[at] = mutateLine(random, lines[at]); break;
            }
        }
        byte[] start = random.Next(16) == 0 ? [0xEF, 0xBB, 0xBF] : [];
        return [.. start, .. Join(lines, (byte)'\n')];
    }

    private static byte[] MutateCells(Random random, byte[] line, byte separator)
    {
        var cells = Split(line, separator);
        for (var edits = random.Next(1, 3); edits > 0 && cells.Count > 0; edits--)
        {
            var at = random.Next(cells.Count);
            switch (random.Next(8))
            {
                case 0: cells.RemoveAt(at); break;
                case 1: cells.Insert(random.Next(cells.Count), cells[at]); break;
                case 2: cells[at] = Encoding.UTF8.GetBytes(Pieces.Number(random)); break;
                case 3: cells[at] = Encoding.UTF8.GetBytes(Pieces.QuotedText(random)); break;
                case 4: cells[at] = [(byte)'"', .. cells[at]]; break;
                case 5: (cells[at], cells[^1]) = (cells[^1], cells[at]); break;
                case 6: cells[at] = Encoding.UTF8.GetBytes(Pieces.Value(random)); break;
                default: cells[at] = [.. cells[at], .. Pieces.Token(random)]; break;
            }
        }
        return Join(cells, separator);
    }

    private static List<byte[]> Split(byte[] bytes, byte separator)
    {
        var parts = new List<byte[]>();
        foreach (var range in bytes.AsSpan().Split(separator)) parts.Add(bytes[range]);
        return parts;
    }

    private static byte[] Join(List<byte[]> parts, byte separator) => [.. parts.SelectMany((part, i) => i == 0 ? part : [separator, .. part])];
}
