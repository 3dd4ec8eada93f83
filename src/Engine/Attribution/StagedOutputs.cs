using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// Puts the outputs of one stage at a point between their clean and their ablated values, for those points of a pass that ask for it
/// (<see cref="PathPoint.Stage"/>); no gradient flows into what computed them. Both ends must have been run before, or be in the same pass.
/// </summary>
internal sealed class StagedOutputs : PathExtension
{
    private readonly Transformer model;
    private readonly Rows rows;
    private readonly DifferenceCapture differences;
    private readonly Tensor[] contexts;
    private readonly Tensor[] mlpOutputs;
    private PathStep? step;

    public StagedOutputs(Transformer model, Arena arena, Rows rows, DifferenceCapture differences)
    {
        (this.model, this.rows, this.differences) = (model, rows, differences);
        contexts = rows.Matrices(arena, model.Config.QueryWidth);
        mlpOutputs = rows.Matrices(arena, model.Config.Width);
        Outputs = new Replacement(this);
        Gradients = new Stop(this);
    }

    public override PassHook Outputs { get; }
    public override GradientHook Gradients { get; }

    public override void Expect(PathStep step) => this.step = step;

    private void Replace(int l, int stage, Tensor outputs, Tensor clean, Tensor difference)
    {
        var device = model.Device;
        if (step!.Clean is { } point) device.Copy(rows.Point(outputs, l, point), clean);
        for (var p = 0; p < step.Points.Length; p++)
        {
            if (step.Points[p].Stage != stage) continue;
            var to = rows.Point(outputs, l, p);
            device.Copy(clean, to);
            device.AddScaled(difference, (float)(1 - step.Points[p].Alpha), to);
        }
    }

    private void Clear(int l, int stage, Tensor gradient)
    {
        for (var p = 0; p < step!.Points.Length; p++)
        {
            if (step.Points[p].Stage == stage) model.Device.Fill(rows.Point(gradient, l, p), 0);
        }
    }

    private sealed class Replacement(StagedOutputs owner) : PassHook
    {
        public override void Context(int l, Tensor contexts)
        {
            owner.differences.Context(l, contexts);
            owner.Replace(l, ModelGraph.HeadsStage(l), contexts, owner.contexts[l], owner.differences.Context(l));
        }

        public override void AttentionOutput(int l, Tensor output) => owner.differences.AttentionOutput(l, output);

        public override void Mlp(int l, Tensor outputs)
        {
            owner.differences.Mlp(l, outputs);
            owner.Replace(l, ModelGraph.MlpStage(l), outputs, owner.mlpOutputs[l], owner.differences.Mlp(l));
        }
    }

    private sealed class Stop(StagedOutputs owner) : GradientHook
    {
        public override void Context(int l, Tensor gradient) => owner.Clear(l, ModelGraph.HeadsStage(l), gradient);

        public override void MlpInput(int l, Tensor gradient) => owner.Clear(l, ModelGraph.MlpStage(l), gradient);
    }
}
