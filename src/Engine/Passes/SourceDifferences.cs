using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Δz of every source on some rows, from the differences of the embeddings, of the attention contexts (before W_O) and of the MLP
/// outputs, and from what every head puts out where it is ablated beside its context (none: nothing).
/// </summary>
internal sealed class SourceDifferences(Transformer model, Tensor input, Tensor[] contexts, Tensor[] mlpOutputs, Tensor headOutput = default)
{
    /// <summary>x += Δz of a source.</summary>
    public void Add(int source, Tensor x)
    {
        var c = model.Config;
        var (l, h) = Math.DivRem(source - 1, c.Heads + 1);
        if (source == 0) model.Device.AddScaled(input, 1, x);
        else if (h == c.Heads) model.Device.AddScaled(mlpOutputs[l], 1, x);
        else
        {
            model.Device.Multiply(model.Layers[l].Output, WeightSide.Forward, contexts[l].ColumnRange(h * c.HeadDim, c.HeadDim), x, add: true, k0: h * c.HeadDim);
            if (!headOutput.IsNone) model.Device.AddScaled(headOutput.RowRange(0, x.Rows), 1, x);
        }
    }
}
