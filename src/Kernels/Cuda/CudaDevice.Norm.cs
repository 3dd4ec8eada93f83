using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// Launchers of Norm.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct NormParameters(RawTensor X, RawTensor Scale, RawTensor Shift, RawTensor Y, RawTensor Xhat, RawTensor InverseSigma,
        float Epsilon, int Centred, int Add);

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
}
