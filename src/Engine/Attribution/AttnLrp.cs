using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// EAP with the rules of AttnLRP (Achtibat et al. 2024, arXiv 2402.05602) as its authors' program computes them with gradients: those of
/// <see cref="RelevancePatchingQk"/>, and of the products q·k and p·v either factor gets half, so that queries and keys, behind both, get a quarter.
/// </summary>
internal sealed class AttnLrp : RuleMethod
{
    public override string Name => "attnlrp";
    public override string Summary => "EAP by the rules of AttnLRP: relevance propagation that attention, too, keeps (Achtibat et al. 2024)";
    public override GradientRule Gradient => GradientRules.AttnLrp;
}
