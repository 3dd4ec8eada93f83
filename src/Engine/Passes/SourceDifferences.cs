using Faith.Engine.Graphs;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Δz of every source on some rows, from the differences of the embeddings, of the attention contexts (before W_O) and of the MLP
/// outputs, and from what every head puts out where it is ablated beside its context (none: nothing).
/// </summary>
internal sealed class SourceDifferences(Transformer model, Tensor input, Func<int, Tensor> contexts, Func<int, Tensor> mlpOutputs, Tensor headOutput = default)
{
    /// <summary>x += Δz of a source.</summary>
    public void Add(NodeId source, Tensor x)
    {
        var c = model.Config;
        var (kind, l, h) = model.Graph.PlaceOf(source);
        if (kind == NodeKind.Input) model.Device.AddScaled(input, 1, x);
        else if (kind == NodeKind.Mlp) model.Device.AddScaled(mlpOutputs(l), 1, x);
        else
        {
            model.AttentionBlock(l).HeadOutput(contexts(l).ColumnRange(h * c.HeadDim, c.HeadDim), h, x, add: true);
            if (!headOutput.IsNone) model.Device.AddScaled(headOutput.RowRange(0, x.Rows), 1, x);
        }
    }
}
