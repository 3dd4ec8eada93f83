using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of elementwise.cu and norm.cu.
public sealed unsafe partial class CudaDevice
{
    private const int ElementsOfABlock = 1024, LargestGridY = ushort.MaxValue;

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ElementParameters(Tensor A, Tensor B, Tensor Y, float Value);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RowParameters(Tensor X, Tensor Y, Indices Rows, float Value);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RotaryParameters(Tensor X, Tensor Cosines, Tensor Sines, Tensor Y, Indices Positions, int HeadDim,
        int Inverse);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GroupParameters(Tensor X, Tensor Y, int HeadDim, int Group);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct MixParameters(Tensor Baseline, Tensor Sources, Tensor Inputs, Indices SourceOffsets, Indices SourceList);

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct NormParameters(Tensor X, Tensor Scale, Tensor Shift, Tensor Y, Tensor Xhat, Tensor InverseSigma,
        float Epsilon, int Centred, int Add);

    // ---- rows and elements ----

    /// <inheritdoc/>
    public override void Fill(Tensor x, float value) => Elements("fill", default, default, x, value);

    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y) => Elements("copy", x, default, y);

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float scale, Tensor y) => Elements("add_scaled", x, default, y, scale);

    /// <inheritdoc/>
    public override void Subtract(Tensor a, Tensor b, Tensor y) => Elements("subtract", a, b, y);

    /// <inheritdoc/>
    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y) =>
        Elements("interpolate", corrupted, clean, y, alpha);

    /// <inheritdoc/>
    public override void MultiplyElements(Tensor dy, Tensor derivative, Tensor du) => Elements("multiply_elements", dy, derivative, du);

    /// <inheritdoc/>
    public override void GeluForward(Tensor u, Tensor y, Tensor derivative) => Elements("gelu_forward", u, derivative, y);

    /// <inheritdoc/>
    public override void GeluRatioForward(Tensor u, Tensor y, Tensor ratio) => Elements("gelu_ratio_forward", u, ratio, y);

    /// <inheritdoc/>
    public override void SwiGluForward(Tensor gateUp, Tensor y)
    {
        RequireShape(gateUp, y.Rows, 2 * y.Columns);
        LaunchElements("swiglu_forward", new ElementParameters(gateUp, default, y, 0), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void SwiGluBackward(Tensor gateUp, Tensor dy, Tensor dGateUp) => SwiGluGradient("swiglu_backward", gateUp, dy, dGateUp);

    /// <inheritdoc/>
    public override void SwiGluRatioBackward(Tensor gateUp, Tensor dy, Tensor dGateUp) => SwiGluGradient("swiglu_ratio_backward", gateUp, dy, dGateUp);

    private void SwiGluGradient(string kernel, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        RequireShape(gateUp, dy.Rows, 2 * dy.Columns);
        RequireShape(dGateUp, dy.Rows, 2 * dy.Columns);
        LaunchElements(kernel, new ElementParameters(gateUp, dy, dGateUp, 0), dy.Rows, dy.Columns);
    }

    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y)
    {
        RequireShape(y, rows.Count, table.Columns);
        LaunchElements("gather_rows", new RowParameters(table, y, rows, scale), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void AddGatheredRows(Tensor table, Indices rows, Tensor y)
    {
        RequireShape(y, rows.Count, table.Columns);
        LaunchElements("add_gathered_rows", new RowParameters(table, y, rows, 1), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y)
    {
        RequireShape(x, rows.Count, y.Columns);
        LaunchElements("scatter_add_rows", new RowParameters(x, y, rows, 1), x.Rows, x.Columns);
    }

    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool inverse, Tensor y)
    {
        RequireShape(y, x.Rows, x.Columns);
        RequireShape(sines, cosines.Rows, cosines.Columns);
        if (x.Columns % headDim != 0 || 2 * cosines.Columns > headDim)
            throw new ArgumentException($"{x.Columns} columns are no heads of width {headDim} with {cosines.Columns} rotated pairs",
                nameof(headDim));
        LaunchElements("rotary", new RotaryParameters(x, cosines, sines, y, positions, headDim, inverse ? 1 : 0), x.Rows,
            x.Columns / headDim * ((headDim + 1) / 2));
    }

    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y)
    {
        RequireShape(x, y.Rows, y.Columns * group);
        LaunchElements("sum_head_groups", new GroupParameters(x, y, headDim, group), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void MixInputs(Tensor baseline, Tensor sources, Indices sourceOffsets, Indices sourceList, Tensor inputs)
    {
        var count = sourceOffsets.Count - 1;
        RequireShape(inputs, checked(count * baseline.Rows), baseline.Columns);
        LaunchElements("mix_inputs", new MixParameters(baseline, sources, inputs, sourceOffsets, sourceList), baseline.Rows,
            baseline.Columns, count);
    }

    private void Elements(string kernel, Tensor a, Tensor b, Tensor y, float value = 0)
    {
        foreach (var operand in (ReadOnlySpan<Tensor>)[a, b])
            if (!operand.IsNone)
                RequireShape(operand, y.Rows, y.Columns, kernel);
        // Dense operands are one long row: no block is left half empty by a narrow matrix.
        if (IsDense(a) && IsDense(b) && IsDense(y) && y.Count <= int.MaxValue)
        {
            var count = (int)y.Count;
            Tensor Flat(Tensor x) => x.IsNone ? x : new(x.Pointer, 1, count);
            (a, b, y) = (Flat(a), Flat(b), Flat(y));
        }
        LaunchElements(kernel, new ElementParameters(a, b, y, value), y.Rows, y.Columns);

        static bool IsDense(Tensor x) => x.IsNone || x.Stride == x.Columns;
    }

    private void LaunchElements<T>(string kernel, in T parameters, int rows, int columns, int depth = 1) where T : unmanaged =>
        Launch(kernel, parameters, CeilDiv(columns, ElementsOfABlock), Math.Min(rows, LargestGridY), depth);

    // ---- norms ----

    /// <inheritdoc/>
    public override void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat,
        Tensor inverseSigma)
    {
        RequireShape(y, x.Rows, x.Columns);
        RequireShape(scale, 1, x.Columns);
        Launch("norm_forward", new NormParameters(x, scale, shift, y, xhat, inverseSigma, epsilon, centred ? 1 : 0, 0), x.Rows,
            threads: RowThreads(x.Columns));
    }

    /// <inheritdoc/>
    public override void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx)
    {
        if (!xhat.IsNone)
            RequireShape(xhat, dy.Rows, dy.Columns);
        RequireShape(dx, dy.Rows, dy.Columns);
        Launch("norm_backward", new NormParameters(dy, scale, default, dx, xhat, inverseSigma, 0, centred ? 1 : 0, add ? 1 : 0), dy.Rows,
            threads: RowThreads(dy.Columns));
    }

    // A function of the width alone, since the order of a row's additions follows from it.
    private static int RowThreads(int columns) => Math.Clamp((columns / 4 + 31) / 32 * 32, 32, 256);
}
