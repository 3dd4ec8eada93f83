using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The forward pass: blocks over packed rows, one residual stream, one norm a block (method.md §3, consequence 1).
/// </summary>
internal static class ForwardPass
{
    /// <summary>
    /// Runs all layers on <c>run.Stream</c> (embeddings and positions, overwritten) and leaves the final norm's output in <c>run.Final</c>.
    /// </summary>
    public static void Run(Transformer model, PassLayout layout, PrefixCache prefix, Activations run, PassHook? hook = null) =>
        RunFromLayer(model, layout, prefix, run, 0, hook);

    /// <summary>
    /// The same from the input of layer <paramref name="first"/> on, which <c>run.Stream</c> holds; where that is the number
    /// of layers, the final norm of its last rows.
    /// </summary>
    public static void RunFromLayer(Transformer model, PassLayout layout, PrefixCache prefix, Activations run, int first, PassHook? hook = null)
    {
        var x = first == model.Layers.Length ? run.Stream.Last : run.Stream.All;
        for (var l = first; l < model.Layers.Length; l++)
        {
            var (attention, a) = (model.AttentionBlock(l), run.Layers[l]);
            x = attention.Project(layout, run, x);
            var (q, k) = attention.Finish(layout, a);
            attention.Attend(layout, prefix, q, k, a.Projected.Value, a.Context, a.Normalizers);
            hook?.Context(l, a.Context);
            AddAttention(model, run, l, x, hook);
            AddMlp(model, run, l, x, hook);
        }
        model.FinalNorm.Forward(x, run.Final, run.FinalXHat, run.FinalInverseSigma);
    }

    /// <summary>
    /// The same from the MLP of layer <paramref name="l"/> on, which reads the stream after the layer's attention.
    /// </summary>
    public static void RunFromMlp(Transformer model, PassLayout layout, PrefixCache prefix, Activations run, int l)
    {
        var x = run.Stream.Of(run.Rows, l);
        model.MlpBlock(l).Normalise(run, x);
        AddMlp(model, run, l, x, hook: null);
        RunFromLayer(model, layout, prefix, run, l + 1);
    }

    /// <summary>Runs the prefix rows as far as the last layer's keys and values, which are all that the suffix rows need of them.</summary>
    public static void RunPrefix(Transformer model, PassLayout layout, PrefixCache prefix, Activations run)
    {
        var none = new PrefixCache(Arena.Measuring(), model.Config, 0);
        var x = run.Stream.All;
        for (var l = 0; l < model.Layers.Length; l++)
        {
            var (attention, a) = (model.AttentionBlock(l), run.Layers[l]);
            x = attention.Project(layout, run, x);
            var (q, k) = attention.Finish(layout, a);
            model.Device.Copy(k, prefix.Keys[l]);
            model.Device.Copy(a.Projected.Value, prefix.Values[l]);
            if (run.Rows.IsNarrow(l)) return;
            attention.Attend(layout, none, q, k, a.Projected.Value, a.Context, a.Normalizers);
            AddAttention(model, run, l, x, hook: null);
            AddMlp(model, run, l, x, hook: null);
        }
    }

    /// <summary>Attention's output joins the stream, and the MLP's norm is taken: of the stream before that, where both read the same.</summary>
    private static void AddAttention(Transformer model, Activations run, int l, Tensor x, PassHook? hook)
    {
        if (model.Config.ParallelBlocks) model.MlpBlock(l).Normalise(run, x);
        model.AttentionBlock(l).AddOutput(run, x, hook);
        if (!model.Config.ParallelBlocks) model.MlpBlock(l).Normalise(run, x);
    }

    private static void AddMlp(Transformer model, Activations run, int l, Tensor x, PassHook? hook)
    {
        var (output, kept) = (model.MlpBlock(l).Output(run, x.Rows), run.Layers[l].KeptMlpOutput);
        hook?.Mlp(l, output);
        if (!kept.IsNone) model.Device.Copy(output, kept);
        model.Device.AddScaled(output, 1, x);
    }
}
