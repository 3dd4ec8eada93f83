namespace Faith.Kernels.Tests;

/// <summary>One operation on one shape: builds its operands, runs it and compares it with a literal double-precision reference.</summary>
/// <param name="Op">The member of <see cref="Device"/>.</param>
/// <param name="Shape">What is special about the case; with <paramref name="Op"/> its name.</param>
/// <param name="Run">The case.</param>
/// <param name="BatchRows">Rows of the batch, when the operation works row by row; 0 when it does not.</param>
internal sealed record OpCase(string Op, string Shape, Action<CaseContext> Run, int BatchRows = 0)
{
    public override string ToString() => $"{Op} {Shape}";
}

/// <summary>The table of all cases; every file of cases adds its own.</summary>
internal static class OpCases
{
    /// <summary>Columns around every register width and block, ± 1.</summary>
    public static readonly int[] Lengths = [1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 32, 33, 47, 48, 63, 64, 65, 97, 127, 128, 129, 255, 256, 257];

    public static readonly IReadOnlyList<OpCase> All =
        [.. ElementCases.All(), .. NormCases.All(), .. ActivationCases.All(), .. ProductCases.All(), .. AttentionCases.All(), .. AttributionCases.All(), .. MetricCases.All(), .. MixedCases.All(), .. MaskCases.All()];

    public static IEnumerable<OpCase> RowWise(string op, int rows, Action<CaseContext, int, int> run) =>
        Lengths.Select(n => new OpCase(op, $"{rows} × {n}", context => run(context, rows, n), rows));
}
