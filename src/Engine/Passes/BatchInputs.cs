using Faith.Engine.Ablations;
using Faith.Kernels;

namespace Faith.Engine.Passes;

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
        Layout = new PassLayout(device, arena, measuring, batch, 1);
        Clean = arena.Matrix(batch.Rows, model.Config.Width);
        Ablated = arena.Matrix(batch.Rows, model.Config.Width);
        Prefix = new PrefixCache(arena, model.Config, batch.PrefixRows);
        Ablation = table is null ? null : new AblatedRows(device, arena, measuring, table, batch);
        var mark = arena.Mark();
        RunPrefix(arena, measuring, batch);
        var (cleanMemory, corruptedMemory) = (arena.Integers(batch.Rows), arena.Integers(batch.Rows));
        if (!measuring)
        {
            device.GatherRows(model.Embedding, device.Upload(batch.CleanTokens, cleanMemory), model.Config.EmbeddingScale, Clean);
            if (Ablation is null) device.GatherRows(model.Embedding, device.Upload(batch.CorruptedTokens, corruptedMemory), model.Config.EmbeddingScale, Ablated);
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
        model.Device.Copy(input, activations.Stream);
        if (!model.Positions.IsNone) model.Device.AddGatheredRows(model.Positions, Layout.Positions, activations.Stream);
    }

    private void RunPrefix(Arena arena, bool measuring, Batch batch)
    {
        if (batch.PrefixRows == 0) return;
        var (device, mark) = (model.Device, arena.Mark());
        var layout = PassLayout.OfPrefixes(device, arena, measuring, batch);
        var memory = arena.Integers(batch.PrefixRows);
        var activations = new Activations(arena, model.Config, layout.Rows, layout.Sequences, keepLayers: false);
        arena.Release(mark);
        if (measuring) return;
        device.GatherRows(model.Embedding, device.Upload(batch.PrefixTokens, memory), model.Config.EmbeddingScale, activations.Stream);
        if (!model.Positions.IsNone) device.AddGatheredRows(model.Positions, layout.Positions, activations.Stream);
        // The same in every micro-batch.
        device.Repeatable(() => ForwardPass.RunPrefix(model, layout, Prefix, activations));
    }
}
