using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of SplitGradient.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct SplitParameters(RawTensor Gradient, RawTensor Projection, RawTensor ProjectionAtZero, RawTensor InverseSigma,
        RawTensor Alpha, RawTensor S, int Width, int HeadDim, int Group, float Weight);

    /// <inheritdoc/>
    public override void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s)
    {
        RequireShape(alpha, gradient.Rows, gradient.Columns);
        if (!s.IsNone)
        {
            RequireShape(gradient, s.Rows, s.Columns * headDim);
            RequireShape(projection, s.Rows, s.Columns / group * headDim);
        }
        var parameters = new SplitParameters(gradient, projection, projectionAtZero, inverseSigma, alpha, s, width, headDim, group, weight);
        Launch("accumulate_split_gradient", parameters, gradient.Rows, CeilDiv(gradient.Columns / headDim, 8));
    }
}
