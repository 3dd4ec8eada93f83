using Faith.Engine.Graphs;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Δz of every source on some rows, from the differences of the embeddings, of the attention contexts (before W_O) and of the MLP
/// outputs, and from what every head puts out where it is ablated beside its context (none: nothing).
/// </summary>
internal sealed class SourceDifferences(Transformer model, Tensor input, Func<int, Tensor> contexts, Func<int, Tensor> mlpOutputs, Tensor headOutput = default)
{
    /// <summary>What attention puts out in the run that is changed, before the norm of it, by layer; null: heads differ by what they put out themselves.</summary>
    public Func<int, Tensor>? AttentionOutputs { get; init; }

    /// <summary>Memory [rows × d] where that is given.</summary>
    public Tensor Work { get; init; }

    /// <summary>x += Δz of a source: of a head whose output is normed with that of the others (method.md §8), N_post(o + Δz) − N_post(o).</summary>
    public void Add(NodeId source, Tensor x)
    {
        var c = model.Config;
        var (kind, l, h) = model.Graph.PlaceOf(source);
        if (kind == NodeKind.Input) model.Device.AddScaled(input, 1, x);
        else if (kind == NodeKind.Mlp) model.Device.AddScaled(mlpOutputs(l), 1, x);
        else
        {
            AddHeads(l, x, to =>
            {
                model.AttentionBlock(l).HeadOutput(contexts(l).ColumnRange(h * c.HeadDim, c.HeadDim), h, to, add: true);
                if (!headOutput.IsNone) model.Device.AddScaled(headOutput.RowRange(0, to.Rows), 1, to);
            });
        }
    }

    /// <summary>x += what it makes of a layer's attention that <paramref name="add"/> adds to what its heads put out.</summary>
    public void AddHeads(int l, Tensor x, Action<Tensor> add)
    {
        var norm = model.AttentionBlock(l).OutputNorm;
        if (norm.IsNone || AttentionOutputs is null)
        {
            add(x);
            return;
        }
        var (output, changed) = (AttentionOutputs(l), Work.RowRange(0, x.Rows));
        model.Device.Copy(output, changed);
        add(changed);
        norm.Forward(changed, changed);
        model.Device.AddScaled(changed, 1, x);
        norm.Forward(output, changed);
        model.Device.AddScaled(changed, -1, x);
    }
}
