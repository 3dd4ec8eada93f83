using System.Runtime.InteropServices;

namespace Faith.Kernels.Cuda;

// The launcher of SumHeadGroups.cu.
public sealed partial class CudaDevice
{
    [StructLayout(LayoutKind.Sequential)]
    private readonly record struct GroupParameters(RawTensor X, RawTensor Y, int HeadDim, int Group);

    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y)
    {
        RequireShape(x, y.Rows, y.Columns * group);
        LaunchElements("sum_head_groups", new GroupParameters(x, y, headDim, group), y.Rows, y.Columns);
    }
}
