namespace Faith.Kernels;

/// <summary>A norm of outputs to first order (<see cref="Device.NormDifferential"/>), or with all values default none.</summary>
/// <param name="Scale">γ [1 × d].</param>
/// <param name="XHat">x̂ [rows × d], or none where σ counts as constant.</param>
/// <param name="InverseSigma">1/σ [rows × 1].</param>
/// <param name="Centred">True for LayerNorm.</param>
public readonly record struct OutputNorm(Tensor Scale, Tensor XHat, Tensor InverseSigma, bool Centred)
{
    /// <summary>True where there is no norm.</summary>
    public bool IsNone => Scale.IsNone;
}
