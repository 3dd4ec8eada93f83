using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Gradient interaction modifications (Edin et al. 2025, arXiv 2505.17630) taken to edges: where several factors saturate together, the derivative sees none of
/// them. The softmax goes back at temperature 2, factors share the gradient of their product (q·k, p·v, gate and up), and the divisor of a norm is a constant.
/// </summary>
internal sealed class Gim : RuleMethod
{
    public override string Name => "gim";
    public override string Summary => "EAP by the rules of GIM: a softened softmax and shared products, for effects that saturate together (Edin et al. 2025)";
    public override GradientRule Gradient => GradientRules.Gim;
}
