using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Relevance patching (Jafari, Eberle, Khakzar and Nanda 2025, arXiv 2508.21258): EAP with the coefficients of layer-wise relevance propagation in
/// place of derivatives. The divisor of a norm is a constant, and its mean, being linear, is not (LN rule); φ(x)/x stands for φ′(x) (identity rule); of a
/// gated product either factor gets half (half rule); attention patterns are constants (AH rule). With R the coefficients at x, every
/// step y = f(x) without bias then keeps R_x·x = R_y·y.
/// </summary>
internal sealed class RelevancePatching : RuleMethod
{
    public override string Name => "relp";
    public override string Summary => "relevance patching: EAP with coefficients of relevance propagation for gradients (Jafari et al. 2025)";
    public override GradientRule Gradient => GradientRules.Relevance;
}
