using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of Rotary.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct RotaryParameters(RawTensor X, RawTensor Cosines, RawTensor Sines, RawTensor Y, RawIndices Positions, int HeadDim,
        int Inverse);

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
}
