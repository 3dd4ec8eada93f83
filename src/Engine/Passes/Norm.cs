using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// A norm of rows, or of parts as wide as γ of rows, on a device: y = γ⊙x̂ + β, x̂ = (x − μ)/σ (RMSNorm: μ = 0, no β); or none: y = x, σ = 1.
/// </summary>
/// <param name="Device">The device.</param>
/// <param name="Scale">γ [1 × d], or none where there is no norm.</param>
/// <param name="Shift">β [1 × d], or none.</param>
/// <param name="Epsilon">ε inside the square root.</param>
/// <param name="Centred">True where μ is the mean.</param>
internal readonly record struct Norm(Device Device, Tensor Scale, Tensor Shift, float Epsilon, bool Centred)
{
    /// <summary>True where there is no norm.</summary>
    public bool IsNone => Scale.IsNone;

    /// <summary>y = the norm of x; x̂ (of a norm alone) and 1/σ too, where they are wanted.</summary>
    public void Forward(Tensor x, Tensor y, Tensor xHat = default, Tensor inverseSigma = default)
    {
        if (!IsNone)
        {
            Device.NormForward(x, Scale, Shift, Epsilon, Centred, y, xHat, inverseSigma);
            return;
        }
        if (x != y) Device.Copy(x, y);
        if (!inverseSigma.IsNone) Device.Fill(inverseSigma, 1);
    }

    /// <summary>gx = (or += with <paramref name="add"/>) the gradient at x of one at y; without x̂ with σ constant.</summary>
    public void Backward(Tensor gy, Tensor xHat, Tensor inverseSigma, bool add, Tensor gx)
    {
        if (!IsNone) Device.NormBackward(gy, Scale, xHat, inverseSigma, Centred, add, gx);
        else if (add) Device.AddScaled(gy, 1, gx);
        else Device.Copy(gy, gx);
    }
}
