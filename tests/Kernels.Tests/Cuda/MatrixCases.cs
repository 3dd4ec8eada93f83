namespace Faith.Kernels.Tests.Cuda;

internal static class MatrixCases
{
    // Around the three tiles (32, 64, 128), the depth of 16, and groups of four.
    private static readonly (int Rows, int K, int N)[] Shapes = [(1, 1, 1), (1, 16, 33), (5, 17, 32), (31, 15, 31), (33, 48, 65),
        (66, 20, 200), (130, 40, 132)];

    // Aligned throughout, and full in depth: what a kernel does not check element by element. Tiles reach over the last rows and columns.
    private static readonly (int Rows, int K, int N)[] WholeShapes = [(5, 16, 4), (40, 32, 36), (68, 16, 72), (130, 48, 136)];

    public static IEnumerable<OpCase> All =>
    [
        .. from s in WholeShapes
           from side in (WeightSide[])[WeightSide.Forward, WeightSide.Transposed]
           from precision in (WeightPrecision[])[WeightPrecision.Float32, WeightPrecision.BFloat16]
           select new OpCase("Multiply", $"whole {s.Rows} × {s.K} × {s.N} {side} {precision}",
               c => Multiply(c, s.Rows, s.K, s.N, side, stored: false, precision, gap: 4)),
        .. from s in WholeShapes
           from stored in (bool[])[false, true]
           select new OpCase("Multiply", $"whole {s.Rows} × {s.K} × {s.N}{(stored ? ", stored transposed" : "")}, then what follows",
               c => MultiplyThen(c, s.Rows, s.K, s.N, stored, gap: 4)),
        .. from s in Shapes
           from side in (WeightSide[])[WeightSide.Forward, WeightSide.Transposed]
           from stored in (bool[])[false, true]
           from precision in (WeightPrecision[])[WeightPrecision.Float32, WeightPrecision.BFloat16]
           // Large shapes once for each kernel, small ones in every combination.
           where s.Rows < 60 || stored == (precision == WeightPrecision.BFloat16)
           select new OpCase("Multiply", $"{s.Rows} × {s.K} × {s.N} {side}{(stored ? ", stored transposed" : "")} {precision}",
               c => Multiply(c, s.Rows, s.K, s.N, side, stored, precision)),
        .. from s in Shapes
           from stored in (bool[])[false, true]
           where s.Rows < 60 || !stored
           select new OpCase("Multiply", $"{s.Rows} × {s.K} × {s.N}{(stored ? ", stored transposed" : "")}, then what follows",
               c => MultiplyThen(c, s.Rows, s.K, s.N, stored)),
    ];

    private static IEnumerable<Outcome> MultiplyThen(OpContext c, int rows, int k, int n, bool stored, int gap = 1)
    {
        var source = new TestMatrix(c.Values(k * n), k, n, stored, WeightPrecision.Float32);
        using var weights = c.Device.CreateWeights(source);
        var (x, dx) = c.Random(rows, k, k + gap);
        var (bias, dBias) = c.Random(1, n);
        var (factor, dFactor) = c.Random(rows, n, n + 2);
        var (gateUp, dGateUp) = c.Random(rows, 2 * n, 2 * n + 3);
        Tensor gelu = c.Arena.New(rows, n), slope = c.Arena.New(rows, n), times = c.Arena.New(rows, n), dy = c.Arena.New(rows, n);
        c.Device.Multiply(weights, WeightSide.Forward, dx, gelu, dBias, then: new(EpilogueKind.Activate, ElementCases.Gelu, slope));
        c.Device.Multiply(weights, WeightSide.Forward, dx, times, dBias, then: new(EpilogueKind.Backward, ElementCases.Gelu, dFactor));
        c.Device.Multiply(weights, WeightSide.Forward, dx, dy, dBias, then: new(EpilogueKind.Backward, ElementCases.Silu, dGateUp));
        var (gateUpOfRatio, dGateUpOfRatio) = c.Random(rows, 2 * n, 2 * n + 1);
        Tensor geluOfRatio = c.Arena.New(rows, n), ratio = c.Arena.New(rows, n), dyOfRatio = c.Arena.New(rows, n);
        c.Device.Multiply(weights, WeightSide.Forward, dx, geluOfRatio, dBias, then: new(EpilogueKind.Activate, ElementCases.Gelu with { Slope = ActivationSlope.Ratio }, ratio));
        c.Device.Multiply(weights, WeightSide.Forward, dx, dyOfRatio, dBias, then: new(EpilogueKind.Backward, ElementCases.Silu with { Slope = ActivationSlope.Ratio }, dGateUpOfRatio));
        // [g | u] of columns twice as many, some of them at odd places.
        var wide = new TestMatrix(c.Values(k * 2 * n), k, 2 * n, stored, WeightPrecision.BFloat16);
        using var wideWeights = c.Device.CreateWeights(wide);
        Tensor both = c.Arena.New(rows, 2 * n), swiglu = c.Arena.New(rows, n);
        c.Device.Multiply(wideWeights, WeightSide.Forward, dx, both, default, then: new(EpilogueKind.Activate, ElementCases.Silu, swiglu));
        var gates = new double[rows * 2 * n];
        for (var i = 0; i < gates.Length; i++)
            gates[i] = Enumerable.Range(0, k).Sum(l => x[i / (2 * n) * k + l] * (double)wide[l, i % (2 * n)]);
        yield return Outcome.Sum("gates and ups", c.Arena.Get(both), gates, 2e-6);
        yield return Outcome.Sum("swiglu", c.Arena.Get(swiglu), Reference.SwiGlu(c.Arena.Get(both), rows, n), 4e-6);
        var product = new double[rows * n];
        for (var i = 0; i < product.Length; i++)
            product[i] = bias[i % n] + Enumerable.Range(0, k).Sum(l => x[i / n * k + l] * (double)source[l, i % n]);
        var result = c.Arena.Get(dy);
        yield return Outcome.Sum("gelu", c.Arena.Get(gelu), [.. product.Select(Reference.Gelu)], 3e-6);
        yield return Outcome.Sum("gelu′", c.Arena.Get(slope), [.. product.Select(Reference.GeluSlope)], 5e-6);
        yield return Outcome.Exact("gelu beside its ratio", c.Arena.Get(geluOfRatio), Reference.Map(c.Arena.Get(gelu), v => v));
        yield return Outcome.Sum("gelu(u)/u", c.Arena.Get(ratio), [.. product.Select(Reference.GeluRatio)], 3e-6);
        yield return Outcome.Sum("times", c.Arena.Get(times), [.. product.Select((v, i) => v * factor[i])], 2e-6);
        yield return Outcome.Sum("dy", result, product, 2e-6);
        yield return Outcome.Sum("gradients at gate and up", c.Arena.Get(dGateUp), Reference.SwiGluGradient(gateUp, result, rows, n), 4e-6);
        yield return Outcome.Sum("halves at gate and up", c.Arena.Get(dGateUpOfRatio), Reference.SwiGluRatioGradient(gateUpOfRatio, result, rows, n), 4e-6);
    }

    private static IEnumerable<Outcome> Multiply(OpContext c, int rows, int k, int n, WeightSide side, bool stored,
        WeightPrecision precision, int gap = 1)
    {
        // Only rows k0 … and columns n0 … of a larger matrix are used.
        const int k0 = 4, n0 = 8;
        var (inputs, outputs) = side == WeightSide.Forward ? (k + k0 + 3 * gap, n + n0 + gap) : (n + n0 + gap, k + k0 + 3 * gap);
        var source = new TestMatrix(c.Values(inputs * outputs), inputs, outputs, stored, precision);
        using var weights = c.Device.CreateWeights(source);
        var (x, dx) = c.Random(rows, k, k + 4);
        var (bias, dBias) = c.Random(1, n);
        var (before, added) = c.Random(rows, n, n + 3);
        var set = c.Arena.New(rows, n);
        c.Device.Multiply(weights, side, dx, set, dBias, add: false, k0, n0);
        c.Device.Multiply(weights, side, dx, added, default, add: true, k0, n0);
        var product = new double[rows * n];
        for (var i = 0; i < rows; i++)
            for (var j = 0; j < n; j++)
                for (var l = 0; l < k; l++)
                    product[i * n + j] += x[i * k + l] * (double)(side == WeightSide.Forward ? source[k0 + l, n0 + j]
                        : source[n0 + j, k0 + l]);
        yield return Outcome.Sum("x·W + bias", c.Arena.Get(set), [.. product.Select((v, i) => v + bias[i % n])], 2e-6);
        yield return Outcome.Sum("y + x·W", c.Arena.Get(added), [.. product.Select((v, i) => v + before[i])], 2e-6);
    }
}

/// <summary>A matrix in an array, stored either way and rounded to bfloat16 where it says so.</summary>
internal sealed class TestMatrix : MatrixSource
{
    private readonly float[] _values;

    public TestMatrix(float[] values, int inputs, int outputs, bool storedTransposed, WeightPrecision precision)
    {
        (Inputs, Outputs, StoredTransposed, Precision) = (inputs, outputs, storedTransposed, precision);
        _values = precision == WeightPrecision.Float32 ? values
            : [.. values.Select(v => BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(v) & 0xffff0000))];
    }

    public override int Inputs { get; }
    public override int Outputs { get; }
    public override bool StoredTransposed { get; }
    public override WeightPrecision Precision { get; }

    /// <summary>W[row, column], however it is stored.</summary>
    public float this[int row, int column] => _values[StoredTransposed ? column * Inputs + row : row * Outputs + column];

    public override void ReadStoredRows(int start, int count, Span<float> destination)
    {
        var width = StoredTransposed ? Inputs : Outputs;
        _values.AsSpan(start * width, count * width).CopyTo(destination);
    }
}
