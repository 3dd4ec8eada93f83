namespace Faith.Engine.Attribution;

/// <summary>Σs and Σs² over the examples of some entries of an array of scores, exact in any order (see <see cref="ExactSum"/>).</summary>
/// <param name="entries">Which entries.</param>
/// <param name="length">Entries of the array.</param>
/// <param name="examples">Of how many examples means are taken.</param>
internal sealed class EntrySums(int[] entries, int length, int examples)
{
    private readonly ExactSum sums = new(entries.Length);
    private readonly ExactSum squares = new(entries.Length);

    /// <summary>Adds the scores of an example.</summary>
    public void Add(ReadOnlySpan<float> example)
    {
        for (var i = 0; i < entries.Length; i++)
        {
            double score = example[entries[i]];
            sums.Add(i, score);
            squares.Add(i, score * score);
        }
    }

    /// <summary>Adds other sums of the same entries.</summary>
    public void Add(EntrySums other)
    {
        sums.Add(other.sums);
        squares.Add(other.squares);
    }

    /// <summary>Mean scores; 0 in all other entries.</summary>
    public double[] Means()
    {
        var values = new double[length];
        for (var i = 0; i < entries.Length; i++) values[entries[i]] = sums[i] / examples;
        return values;
    }

    /// <summary>Standard errors of the means: √(s²/n) with the unbiased variance s²; null with one example.</summary>
    public double[]? StandardErrors()
    {
        if (examples < 2) return null;
        var values = new double[length];
        for (var i = 0; i < entries.Length; i++)
        {
            var mean = sums[i] / examples;
            values[entries[i]] = Math.Sqrt(Math.Max(0, squares[i] / examples - mean * mean) / (examples - 1));
        }
        return values;
    }
}
