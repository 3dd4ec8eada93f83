namespace Faith.Kernels.Cuda;

// Launchers of Gelu.cu.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void GeluForward(Tensor u, Tensor y, Tensor derivative) => Elements("gelu_forward", u, derivative, y);

    /// <inheritdoc/>
    public override void GeluRatioForward(Tensor u, Tensor y, Tensor ratio) => Elements("gelu_ratio_forward", u, ratio, y);
}
