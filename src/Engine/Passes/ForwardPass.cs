using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The forward pass: a flat list of operations over packed rows. One residual stream, one norm a block; the last layer goes on
/// with one row a sequence once its keys and values are known (method.md §3, consequences 1 and 5).
/// </summary>
internal static class ForwardPass
{
    /// <summary>
    /// Runs all layers on <c>activations.Stream</c> (embeddings and positions, overwritten) and leaves the final norm's output in <c>activations.Final</c>.
    /// </summary>
    public static void Run(Transformer model, PassLayout layout, PrefixCache prefix, Activations activations, PassHook? hook = null) =>
        RunFromLayer(model, layout, prefix, activations, 0, hook);

    /// <summary>
    /// The same from the input of layer <paramref name="first"/> on, which <c>activations.Stream</c> holds; where that is the number
    /// of layers, the final norm of <c>activations.LastStream</c>.
    /// </summary>
    public static void RunFromLayer(Transformer model, PassLayout layout, PrefixCache prefix, Activations activations, int first, PassHook? hook = null)
    {
        var x = first == model.Layers.Length ? activations.LastStream : activations.Stream;
        for (var l = first; l < model.Layers.Length; l++)
        {
            KeysAndValues(model, layout, activations, l, x, ref x);
            Attention(model, layout, prefix, activations, l);
            hook?.Context(l, activations.Layers[l].Context);
            if (model.Config.ParallelBlocks)
            {
                MlpNorm(model, activations, l, x);
                AddAttention(model, activations.Layers[l], l, x);
            }
            else
            {
                AddAttention(model, activations.Layers[l], l, x);
                MlpNorm(model, activations, l, x);
            }
            AddMlp(model, activations, l, x, hook);
        }
        model.Device.NormForward(x, model.FinalScale, model.FinalShift, model.Config.NormEpsilon, model.Centred,
            activations.Final, activations.FinalXHat, activations.FinalInverseSigma);
    }

    /// <summary>
    /// The same from the MLP of layer <paramref name="l"/> on: the stream after its attention stands in <c>activations.Stream</c>,
    /// for the last layer in <c>activations.LastStream</c>.
    /// </summary>
    public static void RunFromMlp(Transformer model, PassLayout layout, PrefixCache prefix, Activations activations, int l)
    {
        var x = l == model.Layers.Length - 1 ? activations.LastStream : activations.Stream;
        MlpNorm(model, activations, l, x);
        AddMlp(model, activations, l, x, hook: null);
        RunFromLayer(model, layout, prefix, activations, l + 1);
    }

    /// <summary>The output of the MLP of layer <paramref name="l"/> on the stream <paramref name="x"/>, in <c>activations.BlockOutput</c>.</summary>
    public static Tensor RunMlp(Transformer model, Activations activations, int l, Tensor x)
    {
        MlpNorm(model, activations, l, x);
        return Mlp(model, activations, l, x.Rows);
    }

    /// <summary>Runs the prefix rows as far as the last layer's keys and values, which are all that the suffix rows need of them.</summary>
    public static void RunPrefix(Transformer model, PassLayout layout, PrefixCache prefix, Activations activations)
    {
        var none = new PrefixCache(Arena.Measuring(), model.Config, 0);
        var x = activations.Stream;
        for (var l = 0; l < model.Layers.Length; l++)
        {
            var a = activations.Layers[l];
            KeysAndValues(model, layout, activations, l, x, ref x);
            if (model.Config.Rotary is not null) Rotate(model, a.Key, layout.Positions, a.RotatedKey);
            model.Device.Copy(a.RotatedKey, prefix.Keys[l]);
            model.Device.Copy(a.Value, prefix.Values[l]);
            if (l == model.Layers.Length - 1) return;
            Attention(model, layout, none, activations, l);
            if (model.Config.ParallelBlocks) MlpNorm(model, activations, l, x);
            AddAttention(model, a, l, x);
            if (!model.Config.ParallelBlocks) MlpNorm(model, activations, l, x);
            model.Device.AddScaled(Mlp(model, activations, l, x.Rows), 1, x);
        }
    }

    /// <summary>
    /// Norm and projection of layer <paramref name="l"/>: queries, keys and values before rotation. In the last layer the
    /// queries, and the stream <paramref name="next"/> that goes on, have one row a sequence.
    /// </summary>
    private static void KeysAndValues(Transformer model, PassLayout layout, Activations activations, int l, Tensor x, ref Tensor next)
    {
        var (device, c, w, a) = (model.Device, model.Config, model.Layers[l], activations.Layers[l]);
        if (!a.KeptAttentionStream.IsNone) device.Copy(x, a.KeptAttentionStream);
        device.NormForward(x, w.AttentionScale, w.AttentionShift, c.NormEpsilon, model.Centred, activations.Normed, a.AttentionXHat, a.AttentionInverseSigma);
        if (l < model.Layers.Length - 1)
        {
            device.Multiply(w.Projection, WeightSide.Forward, activations.Normed, a.Projection, w.ProjectionBias);
            return;
        }
        device.Multiply(w.Projection, WeightSide.Forward, activations.Normed, a.Projection, Columns(w.ProjectionBias, c.QueryWidth, 2 * c.KeyWidth), n0: c.QueryWidth);
        device.GatherRows(activations.Normed, layout.LastRows, 1, activations.LastNormed);
        device.Multiply(w.Projection, WeightSide.Forward, activations.LastNormed, a.Query, Columns(w.ProjectionBias, 0, c.QueryWidth));
        device.GatherRows(x, layout.LastRows, 1, activations.LastStream);
        next = activations.LastStream;
    }

    private static void Attention(Transformer model, PassLayout layout, PrefixCache prefix, Activations activations, int l)
    {
        var a = activations.Layers[l];
        var last = l == model.Layers.Length - 1;
        if (model.Config.Rotary is not null)
        {
            Rotate(model, a.Query, last ? layout.LastPositions : layout.Positions, a.RotatedQuery);
            Rotate(model, a.Key, layout.Positions, a.RotatedKey);
        }
        model.Device.AttentionForward(last ? layout.LastQuery : layout.All, model.Attention, a.RotatedQuery, a.RotatedKey, a.Value,
            prefix.Keys[l], prefix.Values[l], a.Context, a.Normalizers);
    }

    private static void AddAttention(Transformer model, LayerActivations a, int l, Tensor x) =>
        model.Device.Multiply(model.Layers[l].Output, WeightSide.Forward, a.Context, x, model.Layers[l].OutputBias, add: true);

    private static void MlpNorm(Transformer model, Activations activations, int l, Tensor x)
    {
        var (w, a) = (model.Layers[l], activations.Layers[l]);
        if (!a.KeptMlpStream.IsNone) model.Device.Copy(x, a.KeptMlpStream);
        model.Device.NormForward(x, w.MlpScale, w.MlpShift, model.Config.NormEpsilon, model.Centred,
            activations.Normed.RowRange(0, x.Rows), a.MlpXHat, a.MlpInverseSigma);
    }

    private static void AddMlp(Transformer model, Activations activations, int l, Tensor x, PassHook? hook)
    {
        var (output, kept) = (Mlp(model, activations, l, x.Rows), activations.Layers[l].KeptMlpOutput);
        hook?.Mlp(l, output);
        if (!kept.IsNone) model.Device.Copy(output, kept);
        model.Device.AddScaled(output, 1, x);
    }

    private static Tensor Mlp(Transformer model, Activations activations, int l, int rows)
    {
        var (device, w, a) = (model.Device, model.Layers[l], activations.Layers[l]);
        var (y, hidden, output) = (activations.Normed.RowRange(0, rows), activations.Hidden.RowRange(0, rows), activations.BlockOutput.RowRange(0, rows));
        if (model.Config.Activation == Activation.SwiGlu) device.Multiply(w.Up, WeightSide.Forward, y, a.Gate, w.UpBias, Epilogue.SwiGlu(hidden));
        else device.Multiply(w.Up, WeightSide.Forward, y, hidden, w.UpBias, activations.Rule.Gelu(a.Gate));
        device.Multiply(w.Down, WeightSide.Forward, hidden, output, w.DownBias);
        return output;
    }

    private static void Rotate(Transformer model, Tensor x, Indices positions, Tensor y) =>
        model.Device.Rotary(x, positions, model.Cosines, model.Sines, model.Config.HeadDim, inverse: false, y);

    private static Tensor Columns(Tensor bias, int start, int count) => bias.IsNone ? bias : bias.ColumnRange(start, count);
}
