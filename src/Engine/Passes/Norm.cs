using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>A norm of rows, or of parts as wide as γ of rows, on a device: y = γ⊙x̂ + β, x̂ = (x − μ)/σ (RMSNorm: μ = 0, no β).</summary>
/// <param name="Device">The device.</param>
/// <param name="Scale">γ [1 × d].</param>
/// <param name="Shift">β [1 × d], or none.</param>
/// <param name="Epsilon">ε inside the square root.</param>
/// <param name="Centred">True where μ is the mean.</param>
internal readonly record struct Norm(Device Device, Tensor Scale, Tensor Shift, float Epsilon, bool Centred)
{
    /// <summary>y = the norm of x; x̂ and 1/σ too, where they are wanted.</summary>
    public void Forward(Tensor x, Tensor y, Tensor xHat = default, Tensor inverseSigma = default) =>
        Device.NormForward(x, Scale, Shift, Epsilon, Centred, y, xHat, inverseSigma);

    /// <summary>gx = (or += with <paramref name="add"/>) the gradient at x of one at y; without x̂ with σ constant.</summary>
    public void Backward(Tensor gy, Tensor xHat, Tensor inverseSigma, bool add, Tensor gx) =>
        Device.NormBackward(gy, Scale, xHat, inverseSigma, Centred, add, gx);
}
