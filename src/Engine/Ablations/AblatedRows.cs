using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Ablations;

/// <summary>
/// The rows of an <see cref="AblationTable"/> that a batch needs. As a hook of a pass it puts them in the place of every output:
/// the pass then runs with everything ablated.
/// </summary>
internal sealed class AblatedRows : PassHook
{
    private readonly Device device;
    private readonly Rows batchRows;
    private readonly AblationTable table;
    private readonly Indices rows;
    private readonly Indices lastRows;

    public AblatedRows(Transformer model, Arena arena, bool measuring, AblationTable table, Batch batch)
    {
        (device, batchRows) = (model.Device, new Rows(model.Config.Layers, batch.Rows, batch.Sequences));
        this.table = table;
        var (rowMemory, lastMemory) = (arena.Integers(batch.Rows), arena.Integers(batch.Sequences));
        if (measuring) return;
        rows = device.Upload([.. batch.Positions.Select(p => Math.Min(p, table.Rows - 1))], rowMemory);
        lastRows = device.Upload([.. batch.Examples.Select(e => Math.Min(e.Clean.Length - 1, table.Rows - 1))], lastMemory);
    }

    public override void Input(Tensor embeddings) => device.GatherRows(table.Input, rows, 1, embeddings);

    public override void Context(int l, Tensor contexts) => Gather(l, table.Contexts[l], contexts);

    public override void Mlp(int l, Tensor outputs) => Gather(l, table.MlpOutputs[l], outputs);

    private void Gather(int l, Tensor from, Tensor to) => device.GatherRows(from, batchRows.IsNarrow(l) ? lastRows : rows, 1, to);
}
