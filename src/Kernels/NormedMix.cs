namespace Faith.Kernels;

/// <summary>
/// Inputs of a circuit's columns (method.md §6): input i is norm(baseline + Σ_{j in sourceOffsets[i] … sourceOffsets[i+1]−1} sources[sourceList[j]]),
/// added in list order,
/// where source u is the dense [rows × d] matrix at row u·rows of the sources; see <see cref="Device.NormForward"/> for the norm.
/// </summary>
/// <param name="Baseline">The corrupted run's residual stream [rows × d].</param>
/// <param name="Sources">Differences z_u(current) − z_u(corrupted): [nodes·rows × d].</param>
/// <param name="SourceOffsets">[inputs + 1].</param>
/// <param name="SourceList">Node numbers.</param>
/// <param name="Scale">γ [1 × d], or none where the inputs are wanted without a norm.</param>
/// <param name="Shift">β [1 × d], or none for zero.</param>
/// <param name="Epsilon">ε.</param>
/// <param name="Centred">False for RMSNorm.</param>
public readonly record struct NormedMix(Tensor Baseline, Tensor Sources, Indices SourceOffsets, Indices SourceList, Tensor Scale, Tensor Shift, float Epsilon, bool Centred)
{
    /// <summary>Number of inputs.</summary>
    public int Inputs => SourceOffsets.Count - 1;

    /// <summary>Inputs [first, first + count).</summary>
    public NormedMix Range(int first, int count) =>
        this with { SourceOffsets = SourceOffsets.Range(first, count + 1) };
}

/// <summary>One product of <see cref="Device.MultiplyMixed"/>.</summary>
/// <param name="Input">Number of the input.</param>
/// <param name="FirstColumn">First column of W.</param>
/// <param name="Y">The result [rows × columns].</param>
/// <param name="Bias">[1 × columns], or none.</param>
public readonly record struct MixedProduct(int Input, int FirstColumn, Tensor Y, Tensor Bias);
