using Faith.Kernels.Host;

namespace Faith.Kernels.Tests;

/// <summary>No operation allocates managed memory once its shapes have been seen: a pass calls thousands of them.</summary>
public sealed class AllocationTests
{
    [Fact]
    public void OperationsAllocateNothing()
    {
        using var device = new HostDevice(2);
        using var t = new CaseContext(device, 3);
        const int Rows = 64, Width = 256, Heads = 4, HeadDim = 64;
        Tensor x = t.Matrix(Rows, Width), y = t.Matrix(Rows, Width), z = t.Matrix(Rows, Width), row = t.Matrix(1, Width), inverse = t.Matrix(Rows, 1), wide = t.Matrix(Rows, 2 * Width);
        Tensor perHead = t.Matrix(Rows, Heads), dense = t.Dense(Rows, Width), cosines = t.Matrix(Rows, 8), logits = t.Matrix(2, 1000), value = t.Matrix(2, 1), two = t.Matrix(2, Width);
        var indices = t.Integers([.. Enumerable.Range(0, Rows)]);
        Indices offsets = t.Integers(0, 1, 2), tokens = t.Integers(3, 4), list = t.Integers(0, 0);
        using var weights = t.Weights(Width, Width, WeightPrecision.Float32, false, out _);
        using var projection = t.Weights(Width, 3 * Width, WeightPrecision.Float32, false, out _);
        using var table = t.Table(Rows, Width, WeightPrecision.BFloat16, out _);
        var layout = new Ragged([40, 24], [0, 0], [0, 0], false);
        var shape = new AttentionShape(Heads, HeadDim, 1, 1, 0.1f);
        var contraction = new ScoreContraction
        {
            Layout = layout, Layers = 1, Heads = Heads, HeadDim = HeadDim, Group = 1, Centred = true, Parallel = false, ReducesLastLayer = false, Steps = 1,
            InputDifference = x, ContextDifference = [y], MlpDifference = [z], Output = [weights], QueryKeyValue = [projection], NormScale = [row],
            Alpha = [t.Matrix(Rows, 3 * Width)], NormalizedInputs = [x], StepProducts = [t.Matrix(Rows, 3 * Heads)], MlpGradient = [z],
            LogitsGradient = two, Scores = t.Matrix(2, 6 * 14),
        };
        var gelu = new Activation(ActivationFunction.GeluTanh, Gated: false);
        (string Name, Action Call)[] calls =
        [
            ("AddScaled", () => device.AddScaled(x, 0.1f, y)),
            ("Scale", () => device.Scale(x, 0.9f)),
            ("Interpolate", () => device.Interpolate(x, z, 0.5f, y)),
            ("GatherRows", () => device.GatherRows(x, indices, 1, y)),
            ("GatherRows of a table", () => device.GatherRows(table, indices, 1, y)),
            ("NormForward", () => device.NormForward(x, row, row, 1e-5f, true, y, z, inverse)),
            ("NormBackward", () => device.NormBackward(x, row, z, inverse, true, true, y)),
            ("NormDifferential", () => device.NormDifferential(x, row, z, inverse, true, y)),
            ("Multiply", () => device.Multiply(weights, WeightSide.Transposed, x, y)),
            ("Multiply and gelu", () => device.Multiply(weights, WeightSide.Forward, x, y, then: new(EpilogueKind.Activate, gelu, z))),
            ("Activate", () => device.Activate(gelu, x, y, z)),
            ("Multiply and gelu's ratio", () => device.Multiply(weights, WeightSide.Forward, x, y, then: new(EpilogueKind.Activate, gelu with { Slope = ActivationSlope.Ratio }, z))),
            ("NormBackward, σ constant", () => device.NormBackward(x, row, default, inverse, true, true, y)),
            ("AttentionBackward of values", () => device.AttentionBackward(layout, shape, x, y, default, default, default, default, perHead, dense, default, default, z)),
            ("GateBackward", () => device.GateBackward(new(ActivationFunction.Silu, true), wide, x, wide)),
            ("Rotary", () => device.Rotary(x, indices, cosines, cosines, HeadDim, false, false, y)),
            ("AttentionForward", () => device.AttentionForward(layout, shape, x, y, z, default, default, dense, perHead)),
            ("AttentionBackward", () => device.AttentionBackward(layout, shape, x, y, z, default, default, dense, perHead, x, y, z, dense)),
            ("AccumulateSplitGradient", () => device.AccumulateSplitGradient(x, y, row, inverse, Width, HeadDim, 1, 0.1f, z, perHead)),
            ("ContractScores", () => device.ContractScores(contraction)),
            ("SparseLogits", () => device.SparseLogits(two, new(table, default, 5), offsets, tokens, row, value, two)),
            ("SoftCap", () => device.SoftCap(x, 5, y)),
            ("SoftCapBackward", () => device.SoftCapBackward(x, 5, y, y)),
            ("AttentionForward with a window and a cap", () => device.AttentionForward(layout, shape with { Window = 7, Cap = 5 }, x, y, z, default, default, dense, perHead)),
            ("SoftmaxMetric", () => device.SoftmaxMetric(logits, offsets, tokens, row, value, logits)),
            ("DivergenceMetric", () => device.DivergenceMetric(logits, logits, true, value, default)),
            ("Mix", () => device.Mix(new(dense.RowRange(0, 2), dense, offsets, list, row, default, 1e-5f, false), dense.RowRange(4, 4))),
        ];
        foreach (var (name, call) in calls)
        {
            for (var i = 0; i < 3; i++) call();
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var i = 0; i < 10; i++) call();
            var allocated = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(allocated == 0, $"{name} allocated {allocated} bytes in 10 calls");
        }
    }
}
