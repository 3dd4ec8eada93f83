using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>Several hooks as one, each called after the other.</summary>
internal sealed class GradientHooks(params GradientHook[] hooks) : GradientHook
{
    public override bool WantsInput { get; } = hooks.Any(h => h.WantsInput);

    public override void Logits(Tensor gradient)
    {
        foreach (var hook in hooks) hook.Logits(gradient);
    }

    public override void Output(int stage, Tensor gradient)
    {
        foreach (var hook in hooks) hook.Output(stage, gradient);
    }

    public override Tensor Gate(Tensor gate)
    {
        foreach (var hook in hooks) gate = hook.Gate(gate);
        return gate;
    }

    public override void MlpInput(int l, Tensor gradient)
    {
        foreach (var hook in hooks) hook.MlpInput(l, gradient);
    }

    public override void AttentionOutput(int l, Tensor gradient)
    {
        foreach (var hook in hooks) hook.AttentionOutput(l, gradient);
    }

    public override void Context(int l, Tensor gradient)
    {
        foreach (var hook in hooks) hook.Context(l, gradient);
    }

    public override void Projection(int l, LayerActivations a, in SplitGradients gradients)
    {
        foreach (var hook in hooks) hook.Projection(l, a, gradients);
    }
}
