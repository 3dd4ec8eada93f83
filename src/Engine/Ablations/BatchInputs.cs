using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Ablations;

/// <summary>
/// What all runs of a batch start from: the embeddings of the clean and of the corrupted (or ablated) prompts, and the keys and
/// values of the shared prefixes. Made when constructed, because the prefix run's memory goes to whatever is laid out next.
/// </summary>
internal sealed class BatchInputs
{
    private readonly Transformer model;

    public BatchInputs(Transformer model, Arena arena, bool measuring, Batch batch, AblationTable? table)
    {
        this.model = model;
        var device = model.Device;
        Layout = new PassLayout(model, arena, measuring, batch, 1);
        Clean = arena.Matrix(batch.Rows, model.Config.Width);
        Ablated = arena.Matrix(batch.Rows, model.Config.Width);
        Prefix = new PrefixCache(arena, model.Config, batch.PrefixRows);
        Ablation = table is null ? null : new AblatedRows(model, arena, measuring, table, batch);
        var mark = arena.Mark();
        RunPrefix(arena, measuring, batch);
        var (cleanMemory, corruptedMemory) = (arena.Integers(batch.Rows), arena.Integers(batch.Rows));
        if (!measuring)
        {
            Embed.Tokens(model, device.Upload(batch.CleanTokens, cleanMemory), Clean);
            if (Ablation is null) Embed.Tokens(model, device.Upload(batch.CorruptedTokens, corruptedMemory), Ablated);
            else Ablation.Input(Ablated);
        }
        arena.Release(mark);
    }

    /// <summary>The suffix rows, once.</summary>
    public PassLayout Layout { get; }
    /// <summary>Clean embeddings [rows × d], without positions.</summary>
    public Tensor Clean { get; }
    /// <summary>Corrupted embeddings, or what an ablation puts in their place [rows × d].</summary>
    public Tensor Ablated { get; }
    /// <summary>Keys and values of the prefixes.</summary>
    public PrefixCache Prefix { get; }
    /// <summary>What stands for every output where the ablation is not a corrupted run; null under patching.</summary>
    public AblatedRows? Ablation { get; }

    /// <summary>Starts a pass over the batch at <paramref name="input"/>.</summary>
    public void Start(Tensor input, Activations activations)
    {
        model.Device.Copy(input, activations.Stream.All);
        Embed.AddPositions(model, Layout, activations.Stream.All);
    }

    private void RunPrefix(Arena arena, bool measuring, Batch batch)
    {
        if (batch.PrefixRows == 0) return;
        var (device, mark) = (model.Device, arena.Mark());
        var layout = PassLayout.ForPrefixes(model, arena, measuring, batch);
        var memory = arena.Integers(batch.PrefixRows);
        var activations = new Activations(arena, model.Config, layout.Rows, keepLayers: false);
        arena.Release(mark);
        if (measuring) return;
        Embed.Tokens(model, device.Upload(batch.PrefixTokens, memory), activations.Stream.All);
        Embed.AddPositions(model, layout, activations.Stream.All);
        ForwardPass.RunPrefix(model, layout, Prefix, activations);
    }
}
