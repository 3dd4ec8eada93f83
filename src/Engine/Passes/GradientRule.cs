using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// How a gradient goes back through what is not linear (method.md §9): by the derivative, or otherwise wherever a switch says so. The forward pass is the same under
/// every rule, and through what is linear a gradient goes back as it is.
/// </summary>
public sealed record GradientRule
{
    /// <summary>T of <see cref="PatternRule.Softened"/>.</summary>
    internal const float Temperature = 2;

    /// <summary>The derivative.</summary>
    public static GradientRule Derivative { get; } = new();

    /// <summary>True where the divisor σ of every norm counts as a constant. No x̂ is then kept, and G_v loses its term x̂·s_v (method.md §3).</summary>
    public bool HoldsSigma { get; init; }

    /// <summary>True where gate and up of a gated MLP each get half of the gradient of their product.</summary>
    public bool HalvesGate { get; init; }

    /// <summary>What stands for the derivative of an activation.</summary>
    public ActivationSlope Slope { get; init; }

    /// <summary>How it goes back through attention patterns.</summary>
    public PatternRule Pattern { get; init; }

    /// <summary>True where of the products q·k and p·v queries and keys get a quarter of the gradient each and values half.</summary>
    public bool SharesProducts { get; init; }

    /// <summary>The factor of the gradient at queries and at keys.</summary>
    internal float ShareOfScores => SharesProducts ? 0.25f : 1;

    /// <summary>The factor of the gradient at values.</summary>
    internal float ShareOfValues => SharesProducts ? 0.5f : 1;
}
