using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// How a gradient goes back through what is not linear: this one by the derivative, others wherever they say so. The passes ask the
/// rule for nothing else; through what is linear a gradient goes back as it is.
/// </summary>
internal class GradientRule
{
    /// <summary>The derivative.</summary>
    public static GradientRule Derivative { get; } = new();

    /// <summary>True where the divisor σ of every norm counts as a constant. No x̂ is then kept, and G_v loses its term x̂·s_v (method.md §3).</summary>
    public virtual bool HoldsSigma => false;

    /// <summary>True where the attention patterns count as constants. Queries and keys then have no gradient.</summary>
    public virtual bool HoldsPattern => false;

    /// <summary>What stands for the derivative of an activation.</summary>
    public virtual ActivationSlope Slope => ActivationSlope.Derivative;
}
