using Faith.Engine.Data;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The clean run over whole prompts: no shared prefixes, and every row goes through the last layer too.</summary>
internal sealed class WholePromptRun
{
    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly PrefixCache none;
    private readonly Indices tokens;

    public WholePromptRun(Transformer model, Arena arena, bool measuring, Batch batch, bool keepLayers)
    {
        this.model = model;
        layout = new PassLayout(model.Device, arena, measuring, batch, 1, everyRow: true);
        none = new PrefixCache(arena, model.Config, 0);
        Activations = new Activations(arena, model.Config, layout.Rows, layout.Sequences, keepLayers);
        var memory = arena.Integers(batch.Rows);
        if (!measuring) tokens = model.Device.Upload(batch.CleanTokens, memory);
    }

    public Activations Activations { get; }
    /// <summary>Row offsets of the prompts [sequences + 1].</summary>
    public int[] Offsets => layout.All.Offsets;

    /// <summary>The bytes of a run that keeps nothing.</summary>
    public static long Measure(Transformer model, Batch batch)
    {
        var arena = Arena.Measuring();
        _ = new WholePromptRun(model, arena, measuring: true, batch, keepLayers: false);
        return arena.Peak;
    }

    public void Execute(PassHook hook)
    {
        var x = Activations.Stream;
        model.Device.GatherRows(model.Embedding, tokens, model.Config.EmbeddingScale, x);
        hook.Input(x);
        if (!model.Positions.IsNone) model.Device.AddGatheredRows(model.Positions, layout.Positions, x);
        ForwardPass.Run(model, layout, none, Activations, hook);
    }
}
