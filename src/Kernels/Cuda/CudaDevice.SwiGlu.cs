namespace Faith.Kernels.Cuda;

// Launchers of SwiGlu.cu.
public sealed partial class CudaDevice
{
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

    private void SwiGluGradient(string kernel, RawTensor gateUp, RawTensor dy, RawTensor dGateUp)
    {
        RequireShape(gateUp, dy.Rows, 2 * dy.Columns);
        RequireShape(dGateUp, dy.Rows, 2 * dy.Columns);
        LaunchElements(kernel, new ElementParameters(gateUp, dy, dGateUp, 0), dy.Rows, dy.Columns);
    }
}
