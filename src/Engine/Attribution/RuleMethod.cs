using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// <see cref="Eap"/> by another rule than the derivative, at the clean run. With several steps its gradients are averaged over the points of <see cref="EapIg"/>.
/// </summary>
internal abstract class RuleMethod : PathMethod
{
    public abstract override GradientRule Gradient { get; }
    public override int? DefaultSteps => 1;
    public override IntegrationRule? Rule(AttributionOptions options) => StepsOf(options) > 1 ? options.Rule : null;

    public override PathPoint[] Path(AttributionOptions options, ModelGraph graph) =>
        StepsOf(options) is { } steps and > 1 ? options.Rule.Points(steps) : [new PathPoint(1, 1)];
}
