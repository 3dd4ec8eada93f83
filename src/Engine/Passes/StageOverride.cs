using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Puts the outputs of one source layer — stage 1 + 2l: the heads of layer l, 2 + 2l: its MLP — at a point between their clean and
/// their ablated values, for those points of a pass that ask for it. Both ends must have been run before, or be in the same pass.
/// </summary>
internal sealed class StageOverride : PassHook
{
    private readonly Device device;
    private readonly DifferenceCapture differences;
    private readonly int rows;
    private readonly int sequences;
    private readonly Tensor[] contexts;
    private readonly Tensor[] mlpOutputs;
    private (int Point, int Stage, float Ablated)[] wanted = [];
    private int? cleanPoint;

    public StageOverride(Device device, Arena arena, ModelConfig c, DifferenceCapture differences, int rows, int sequences)
    {
        this.device = device;
        this.differences = differences;
        this.rows = rows;
        this.sequences = sequences;
        contexts = new Tensor[c.Layers];
        mlpOutputs = new Tensor[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            var count = l == c.Layers - 1 ? sequences : rows;
            contexts[l] = arena.Matrix(count, c.QueryWidth);
            mlpOutputs[l] = arena.Matrix(count, c.Width);
        }
    }

    /// <summary>Says which point of the next pass is the clean run, and which outputs of which points are replaced by clean + ablated·Δz.</summary>
    public void Expect(int? clean, (int Point, int Stage, float Ablated)[] replaced)
    {
        cleanPoint = clean;
        wanted = replaced;
    }

    public override void Context(int l, Tensor outputs)
    {
        differences.Context(l, outputs);
        Replace(l, 1 + 2 * l, outputs, contexts[l], l == contexts.Length - 1 ? differences.LastContext : differences.Contexts[l]);
    }

    public override void Mlp(int l, Tensor outputs)
    {
        differences.Mlp(l, outputs);
        Replace(l, 2 + 2 * l, outputs, mlpOutputs[l], l == contexts.Length - 1 ? differences.LastMlp : differences.MlpOutputs[l]);
    }

    private void Replace(int l, int stage, Tensor outputs, Tensor clean, Tensor difference)
    {
        var count = l == contexts.Length - 1 ? sequences : rows;
        if (cleanPoint is { } point) device.Copy(outputs.RowRange(point * count, count), clean);
        foreach (var (p, s, ablated) in wanted)
        {
            if (s != stage) continue;
            var to = outputs.RowRange(p * count, count);
            device.Copy(clean, to);
            device.AddScaled(difference, ablated, to);
        }
    }
}
