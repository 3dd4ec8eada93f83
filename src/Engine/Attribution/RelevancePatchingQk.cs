using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// <see cref="RelevancePatching"/> without its AH rule: patterns have their derivative, and with it queries and keys a gradient.
/// </summary>
internal sealed class RelevancePatchingQk : RuleMethod
{
    public override string Name => "relp-qk";
    public override string Summary => "relevance patching with the derivative of attention patterns, so that queries and keys are scored (Jafari et al. 2025)";
    public override GradientRule Gradient => GradientRules.RelevanceWithQueriesAndKeys;
}
