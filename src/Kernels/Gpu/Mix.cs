using ILGPU;

namespace Faith.Kernels.Gpu;

internal struct MixOperands(Matrix baseline, Matrix sources, Matrix inputs, ArrayView<int> offsets, ArrayView<int> list)
{
    public Matrix Baseline = baseline, Sources = sources, Inputs = inputs;
    public ArrayView<int> Offsets = offsets, List = list;
}

/// <summary>
/// The inputs of a circuit's nodes: sets inputs[i] = baseline + Σ sources[list[j]] over the list of input i, added in list order. Block z-index:
/// the input; bytes: (2 + length of the list)·rows·d·4. Like ElementLoop.cs, but a source is added to all four columns before
/// the next one, so that four loads are under way at once.
/// </summary>
internal static class MixKernel
{
    public static GpuKernel<MixOperands> Kernel { get; } = new("Mix", Mix, ElementLoop.Threads);

    public static void Mix(MixOperands p)
    {
        int rows = p.Baseline.Rows, columns = p.Baseline.Columns, i = Grid.IdxZ, from = p.Offsets[i], to = p.Offsets[i + 1];
        for (var row = Grid.IdxY; row < rows; row += Grid.DimY)
            for (var start = (long)Grid.IdxX * ElementLoop.ColumnsOfBlock + Group.IdxX; start < columns; start += (long)Grid.DimX * ElementLoop.ColumnsOfBlock)
            {
                var first = (int)start;
                bool second = start + 256 < columns, third = start + 512 < columns, fourth = start + 768 < columns;
                var baseline = p.Baseline.From(row, first);
                var output = p.Inputs.Data.SubView(((long)i * rows + row) * p.Inputs.Stride + first);
                float a = baseline[0], b = 0, c = 0, d = 0;
                if (second) b = baseline[256];
                if (third) c = baseline[512];
                if (fourth) d = baseline[768];
                for (var j = from; j < to; j++)
                {
                    var source = p.Sources.Data.SubView(((long)p.List[j] * rows + row) * p.Sources.Stride + first);
                    a += source[0];
                    if (second) b += source[256];
                    if (third) c += source[512];
                    if (fourth) d += source[768];
                }
                output[0] = a;
                if (second) output[256] = b;
                if (third) output[512] = c;
                if (fourth) output[768] = d;
            }
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Mix(in NormedMix mix, Tensor y)
    {
        RequireShape(y, checked(mix.Inputs * mix.Baseline.Rows), mix.Baseline.Columns);
        Launch(MixKernel.Kernel, new MixOperands(View(mix.Baseline), View(mix.Sources), View(y), View(mix.SourceOffsets), View(mix.SourceList)),
            CeilDiv(mix.Baseline.Columns, ElementLoop.ColumnsOfBlock), Math.Min(mix.Baseline.Rows, LargestGridY), mix.Inputs);
        if (!mix.Scale.IsNone) NormForward(y, mix.Scale, mix.Shift, mix.Epsilon, mix.Centred, y, default, default);
    }
}
