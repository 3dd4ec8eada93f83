namespace Faith.Kernels.Tests.Cuda;

/// <summary>An output and what it should be. An element may be off by relative·|expected| + absolute.</summary>
internal readonly record struct Outcome(string Name, float[] Actual, double[] Expected, double Relative, double Absolute)
{
    /// <summary>Tolerance for sums of many terms: relative to the largest element, or to <paramref name="terms"/> where the terms may cancel.</summary>
    public static Outcome Sum(string name, float[] actual, double[] expected, double relative = 1e-5, double terms = 1e-30) =>
        new(name, actual, expected, 0, relative * expected.Select(Math.Abs).Append(terms).Max());

    /// <summary>Tolerance for what is computed element by element, a few units in the last place.</summary>
    public static Outcome Element(string name, float[] actual, double[] expected, double relative = 1.5e-6, double absolute = 1e-30) =>
        new(name, actual, expected, relative, absolute);

    /// <summary>Equal to the last bit.</summary>
    public static Outcome Exact(string name, float[] actual, double[] expected) => new(name, actual, expected, 0, 0);
}

/// <summary>One operation on one set of shapes.</summary>
/// <param name="Operation">Name of the method of <see cref="Device"/>.</param>
/// <param name="Shape">What is special about the case.</param>
/// <param name="Run">Runs it and returns the outputs; must do the same on every call with the same seed.</param>
internal sealed record OpCase(string Operation, string Shape, Func<OpContext, IEnumerable<Outcome>> Run)
{
    public override string ToString() => $"{Operation} {Shape}";
}

/// <summary>What a case works with.</summary>
internal sealed class OpContext(Device device, DeviceArena arena, int seed)
{
    private readonly Random _random = new(seed);

    public Device Device => device;

    public DeviceArena Arena => arena;

    /// <summary>Values in [−scale, scale).</summary>
    public float[] Values(int count, float scale = 1) => [.. Enumerable.Range(0,
        count).Select(_ => (2 * _random.NextSingle() - 1) * scale)];

    public int Next(int below) => _random.Next(below);

    /// <summary>Uploads random values and returns both.</summary>
    public (float[] Host, Tensor Device) Random(int rows, int columns, int stride = 0, float scale = 1)
    {
        var values = Values(rows * columns, scale);
        return (values, arena.Put(values, rows, columns, stride));
    }
}

/// <summary>The table of all cases.</summary>
internal static class OpCases
{
    public static readonly OpCase[] All = [.. ElementCases.All, .. NormCases.All, .. MatrixCases.All, .. AttentionCases.All,
        .. ScoreCases.All, .. MetricCases.All, .. MemoryCases.All];
}
