using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of Elements.cu.
public sealed partial class CudaDevice
{
    private const int ElementsOfABlock = 1024, LargestGridY = ushort.MaxValue;

    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct ElementParameters(RawTensor A, RawTensor B, RawTensor Y, float Value);

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
    public override void MultiplyElements(Tensor a, Tensor b, Tensor y) => Elements("multiply_elements", a, b, y);

    private void Elements(string kernel, RawTensor a, RawTensor b, RawTensor y, float value = 0)
    {
        foreach (var operand in (ReadOnlySpan<RawTensor>)[a, b])
            if (!operand.IsNone)
                RequireShape(operand, y.Rows, y.Columns, kernel);
        // Dense operands are one long row: no block is left half empty by a narrow matrix.
        if (IsDense(a) && IsDense(b) && IsDense(y) && y.Count <= int.MaxValue)
        {
            var count = (int)y.Count;
            RawTensor Flat(RawTensor x) => x.IsNone ? x : new(x.Pointer, 1, count);
            (a, b, y) = (Flat(a), Flat(b), Flat(y));
        }
        LaunchElements(kernel, new ElementParameters(a, b, y, value), y.Rows, y.Columns);

        static bool IsDense(RawTensor x) => x.IsNone || x.Stride == x.Columns;
    }

    private void LaunchElements<T>(string kernel, in T parameters, int rows, int columns, int depth = 1) where T : unmanaged =>
        Launch(kernel, parameters, CeilDiv(columns, ElementsOfABlock), Math.Min(rows, LargestGridY), depth);
}
