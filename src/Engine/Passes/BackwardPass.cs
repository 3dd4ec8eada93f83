using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The matrices of a backward pass by a rule, for at most the given rows.</summary>
internal sealed class BackwardBuffers(Arena arena, ModelConfig c, Rows rows, GradientRule rule)
{
    public RowMatrices Stream { get; } = new(arena, rows, c.Width);
    public RowMatrices Normed { get; } = new(arena, rows, c.Width);
    public Tensor Block { get; } = arena.Matrix(rows.All, c.Width);
    public Tensor Hidden { get; } = arena.Matrix(rows.All, c.MlpWidth);
    public Tensor Context { get; } = arena.Matrix(rows.All, c.QueryWidth);
    /// <summary>dq, dk, dv side by side, one block a query head each.</summary>
    public Tensor SplitProjection { get; private init; } = arena.Matrix(rows.All, 3 * c.QueryWidth);
    public Tensor LastQuery { get; } = arena.Matrix(rows.Sequences, c.QueryWidth);
    /// <summary>Contexts and normalizers of a layer's attention at another temperature, or none where the rule has none.</summary>
    public Tensor SoftenedContext { get; } = rule.Pattern == PatternRule.Softened ? arena.Matrix(rows.All, c.QueryWidth) : default;
    public Tensor SoftenedNormalizers { get; } = rule.Pattern == PatternRule.Softened ? arena.Matrix(rows.All, 2 * c.Heads) : default;
    /// <summary>∂L/∂(output of the final norm).</summary>
    public Tensor Final { get; } = arena.Matrix(rows.Sequences, c.Width);
    private readonly Tensor grouped = c.Group == 1 ? default : arena.Matrix(rows.All, c.ProjectionWidth);
    /// <summary>dq, dk, dv with shared key heads summed.</summary>
    public Tensor Projection => grouped.IsNone ? SplitProjection : grouped;
}

/// <summary>
/// The backward pass: the forward's blocks reversed. Weights get no gradients (method.md §3, consequence 6); who wants gradients takes
/// them as they pass by.
/// </summary>
internal static class BackwardPass
{
    /// <summary>Runs back from <c>buffers.Final</c>; as far as the embeddings only where the hooks ask for that.</summary>
    public static void Run(Transformer model, PassLayout layout, PrefixCache prefix, Activations run, BackwardBuffers buffers, GradientHook hook)
    {
        var (device, parallel) = (model.Device, model.Config.ParallelBlocks);
        var gx = buffers.Stream.Last.RowRange(0, layout.Rows.Sequences);
        model.FinalNorm.Backward(buffers.Final.RowRange(0, layout.Rows.Sequences), run.FinalXHat, run.FinalInverseSigma, add: false, gx);
        hook.Logits(gx);
        for (var l = model.Layers.Length - 1; l >= 0; l--)
        {
            var (attention, mlp, a) = (model.AttentionBlock(l), model.MlpBlock(l), run.Layers[l]);
            hook.Output(ModelGraph.MlpStage(l), gx);
            var gMlp = mlp.Backward(run.Rule, a, hook.Gate(a.Gate), gx, buffers);
            hook.MlpInput(l, gMlp);
            if (!parallel) device.AddScaled(gMlp, 1, gx);
            hook.Output(ModelGraph.HeadsStage(l), gx);
            var gContext = attention.OutputBackward(a, gx, buffers, hook);
            hook.Context(l, gContext);
            if (parallel) device.AddScaled(gMlp, 1, gx);
            var split = attention.AttendBackward(layout, prefix, run.Rule, a, gContext, buffers);
            hook.Projection(l, a, split);
            if (l == 0 && !hook.WantsInput) return;
            var gxAll = buffers.Stream.All.RowRange(0, layout.Rows.All);
            if (layout.Rows.IsNarrow(l))
            {
                device.Fill(gxAll, 0);
                device.ScatterAddRows(gx, layout.LastRows, gxAll);
            }
            gx = gxAll;
            attention.InputBackward(layout, a, split, buffers, gx);
        }
        hook.Output(0, gx);
    }
}
