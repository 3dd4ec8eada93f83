using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// The coefficients of layer-wise relevance propagation in place of derivatives (Jafari, Eberle, Khakzar and Nanda 2025, arXiv 2508.21258):
/// the divisor of a norm is a constant, and its mean, being linear, is not (LN rule); φ(x)/x stands for φ′(x) (identity rule); of a
/// product either factor gets half (half rule); attention patterns are constants (AH rule). With R the coefficients at x, every
/// step y = f(x) without bias then keeps R_x·x = R_y·y.
/// </summary>
internal sealed class RelevanceRule : GradientRule
{
    public override bool HoldsSigma => true;
    public override bool HoldsPattern => true;
    public override ActivationSlope Slope => ActivationSlope.Ratio;
}
