namespace Faith.Kernels.Cuda;

// Launchers of Gelu.cu and SwiGlu.cu: GELU comes without a gate and SiLU with one.
public sealed partial class CudaDevice
{
    /// <inheritdoc/>
    public override void Activate(Activation activation, Tensor u, Tensor y, Tensor slope)
    {
        Require(activation);
        if (!activation.Gated)
        {
            Elements(activation.Slope == ActivationSlope.Ratio && !slope.IsNone ? "gelu_ratio_forward" : "gelu_forward", u, slope, y);
            return;
        }
        RequireShape(u, y.Rows, 2 * y.Columns);
        LaunchElements("swiglu_forward", new ElementParameters(u, default, y, 0), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        Require(activation);
        RequireShape(gateUp, dy.Rows, 2 * dy.Columns);
        RequireShape(dGateUp, dy.Rows, 2 * dy.Columns);
        LaunchElements(activation.Slope == ActivationSlope.Ratio ? "swiglu_ratio_backward" : "swiglu_backward", new ElementParameters(gateUp, dy, dGateUp, 0), dy.Rows, dy.Columns);
    }

    private static void Require(Activation activation)
    {
        if (activation.Gated != (activation.Function == ActivationFunction.Silu))
            throw new NotSupportedException($"{activation}: the CUDA kernels know GELU without a gate and SiLU with one");
    }
}
