using Faith.Engine.Data;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Ablations;

/// <summary>
/// What every source puts out where it is ablated without a corrupted run: a table with a row a position, of which the last
/// stands for all further positions. Heads are kept before W_O, which is linear.
/// </summary>
internal sealed class AblationTable : IDisposable
{
    private readonly DeviceBuffer memory;

    private AblationTable(Transformer model, int rows)
    {
        var c = model.Config;
        memory = model.Device.Allocate(Layout(Arena.Measuring()));
        Layout(new Arena(memory));

        long Layout(Arena arena)
        {
            Input = arena.Matrix(rows, c.Width);
            Contexts = [.. Enumerable.Range(0, c.Layers).Select(_ => arena.Matrix(rows, c.QueryWidth))];
            MlpOutputs = [.. Enumerable.Range(0, c.Layers).Select(_ => arena.Matrix(rows, c.Width))];
            return arena.Peak;
        }
    }

    /// <summary>[rows × d].</summary>
    public Tensor Input { get; private set; }
    /// <summary>Per layer [rows × H·d_head].</summary>
    public Tensor[] Contexts { get; private set; } = [];
    /// <summary>Per layer [rows × d].</summary>
    public Tensor[] MlpOutputs { get; private set; } = [];
    /// <summary>Rows of the table.</summary>
    public int Rows => Input.Rows;

    /// <summary>The table of an ablation, with means over the clean prompts of <paramref name="data"/>; null for patching.</summary>
    public static AblationTable? Create(Transformer model, Ablation ablation, IReadOnlyList<Example> data, long? memoryBytes) => ablation switch
    {
        Ablation.Patching => null,
        Ablation.Zero => new AblationTable(model, 1), // device memory starts as zero
        Ablation.Mean => FromMeans(model, data, memoryBytes, positional: false),
        Ablation.MeanPositional => FromMeans(model, data, memoryBytes, positional: true),
        _ => throw new ArgumentOutOfRangeException(nameof(ablation)),
    };

    /// <summary>
    /// True when heads too put out the row of the input (and <see cref="Contexts"/>, before W_O, is zero): a row that no head need be
    /// able to put out.
    /// </summary>
    public bool HeadsAsInput { get; private init; }

    /// <summary>The table in which every node puts out <paramref name="row"/> [d] at every position.</summary>
    public static AblationTable FromRow(Transformer model, float[] row)
    {
        var table = new AblationTable(model, 1) { HeadsAsInput = true };
        foreach (var to in table.MlpOutputs.Prepend(table.Input)) model.Device.Upload(row, to);
        return table;
    }

    /// <summary>The tables in the order of <see cref="MeanOutputs"/>: input, then each layer's heads and MLP.</summary>
    private IEnumerable<Tensor> Tables() => Contexts.Zip(MlpOutputs, (context, mlp) => new[] { context, mlp }).SelectMany(pair => pair).Prepend(Input);

    private static AblationTable FromMeans(Transformer model, IReadOnlyList<Example> data, long? memoryBytes, bool positional)
    {
        if (data.Count == 0) throw new InputException("there are no prompts to take means over");
        var positions = positional ? data.Max(e => e.Clean.Length) : 0;
        var means = MeanOutputs.Compute(model, data, positions, memoryBytes);
        var table = new AblationTable(model, positions + 1);
        foreach (var (to, values) in table.Tables().Zip(means)) model.Device.Upload(values, to);
        return table;
    }

    /// <inheritdoc/>
    public void Dispose() => memory.Dispose();
}
