using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>One run over whole prompts, without shared prefixes.</summary>
internal sealed class WholePromptRun
{
    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly PrefixCache none;
    private readonly Indices tokens;

    /// <summary>Lays out a run.</summary>
    /// <param name="tokens">The clean or the corrupted tokens of the batch.</param>
    /// <param name="everyRow">True where every row goes through the last layer too.</param>
    /// <param name="keepLayers">False to keep nothing of the layers.</param>
    public WholePromptRun(Transformer model, Arena arena, bool measuring, Batch batch, int[] tokens, bool everyRow, bool keepLayers = false)
    {
        this.model = model;
        layout = new PassLayout(model, arena, measuring, batch, 1, everyRow);
        none = new PrefixCache(arena, model.Config, 0);
        Activations = new Activations(arena, model.Config, layout.Rows, keepLayers);
        var memory = arena.Integers(batch.Rows);
        if (!measuring) this.tokens = model.Device.Upload(tokens, memory);
    }

    public Activations Activations { get; }
    /// <summary>Row offsets of the prompts [sequences + 1].</summary>
    public int[] Offsets => layout.All.Offsets;

    /// <summary>The bytes of a run of every row that keeps nothing.</summary>
    public static long Measure(Transformer model, Batch batch)
    {
        var arena = Arena.Measuring();
        _ = new WholePromptRun(model, arena, measuring: true, batch, batch.CleanTokens, everyRow: true);
        return arena.Peak;
    }

    public void Execute(PassHook? hook = null)
    {
        var x = Activations.Stream.All;
        Embed.Tokens(model, tokens, x);
        hook?.Input(x);
        Embed.AddPositions(model, layout, x);
        ForwardPass.Run(model, layout, none, Activations, hook);
    }
}
