using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// The differences z_u(current) − z_u(corrupted) of the nodes of a <see cref="CircuitProgram"/>, by their places, on all rows where they are
/// read there, and on each sequence's last row: and the sum over them that the inputs of a circuit are.
/// </summary>
internal sealed class NodeDifferences
{
    /// <summary>Rows of different inputs that are mixed and normed together.</summary>
    private const int RowsMixedTogether = 2048;

    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly RowMatrices differences;
    private readonly Tensor mixed;
    private readonly Tensor neuronRow;
    private readonly Indices neuronMemory;
    private Indices neuronRows;
    private readonly Indices offsetMemory;
    private readonly Indices listMemory;
    private readonly int inputsTogether;
    private readonly HeadMixtures? mixtures;
    private readonly SpanMasks? masks;

    /// <summary>Room for the nodes of <paramref name="circuits"/> circuits, if they share none, which differ from <paramref name="corrupted"/>.</summary>
    public NodeDifferences(Transformer model, Arena arena, PassLayout layout, CorruptedRun corrupted, int circuits, SpanRows? spans = null)
    {
        (this.model, this.layout) = (model, layout);
        var (rows, width, sources) = (layout.Rows, model.Config.Width, checked(model.Graph.Sources * (spans?.Spans ?? 1)));
        if (spans is not null) masks = new SpanMasks(model, arena, spans);
        Held = checked(sources * circuits);
        if (model.Config.NormsOutputs) mixtures = new HeadMixtures(model, arena, layout, corrupted, this);
        differences = new RowMatrices(arena, rows.Times(checked(Held + (mixtures?.Room ?? 0))), width);
        inputsTogether = Math.Max(3 * model.Config.Heads, circuits);
        mixed = arena.Matrix(Math.Clamp(RowsMixedTogether / rows.All, 1, inputsTogether) * rows.All, width);
        neuronRow = arena.Matrix(1, width);
        neuronMemory = arena.Integers(rows.All);
        offsetMemory = arena.Integers(inputsTogether + 1);
        listMemory = arena.Integers(checked(inputsTogether * sources));
    }

    /// <summary>Nodes that there is room for.</summary>
    public int Held { get; }

    /// <summary>Memory for mixed inputs.</summary>
    public Tensor Mixed => mixed;

    /// <summary>Before the first node, when nothing else uses this memory any more.</summary>
    public void Start()
    {
        neuronRows = model.Device.Upload(new int[layout.Rows.All], neuronMemory);
        mixtures?.Start();
        masks?.Start();
    }

    /// <summary>Before the first node of a program.</summary>
    public void Use(CircuitProgram program) => mixtures?.Use(program);

    /// <summary>How many of these inputs, from the first on, <see cref="Mix"/> takes at a time: one at least.</summary>
    public int Fit(bool allRows, ReadOnlySpan<int[]> lists) => mixtures?.Fit(allRows, lists) ?? lists.Length;

    /// <summary>How many mixed inputs of some rows there is room for at a time.</summary>
    public int MostInputs(int rows) => Math.Clamp(mixed.Rows / rows, 1, inputsTogether);

    /// <summary>The difference of the node at a place, on all rows or on the last; with <paramref name="count"/> of that many places.</summary>
    public Tensor At(int place, bool allRows, int count = 1)
    {
        var rows = allRows ? layout.Rows.All : layout.Rows.Sequences;
        return (allRows ? differences.All : differences.Last).RowRange(place * rows, count * rows);
    }

    /// <summary>
    /// x_v(corrupted) + Σ_u of the listed places, as the norm of v reads it; one input a list. The lists <see cref="Fit"/>, and live until the next call.
    /// </summary>
    public NormedMix Mix(Tensor corrupted, bool allRows, ReadOnlySpan<int[]> lists, Norm norm) =>
        Listed(corrupted, allRows ? differences.All : differences.Last, mixtures is null ? lists : mixtures.Replace(allRows, lists), norm);

    /// <summary>The same of differences of nodes, whatever their places in the model.</summary>
    public NormedMix MixNodes(Tensor corrupted, bool allRows, ReadOnlySpan<int[]> lists, Norm norm) => Listed(corrupted, At(0, allRows, Held), lists, norm);

    private NormedMix Listed(Tensor corrupted, Tensor sources, ReadOnlySpan<int[]> lists, Norm norm)
    {
        var offsets = new int[lists.Length + 1];
        for (var i = 0; i < lists.Length; i++) offsets[i + 1] = offsets[i] + lists[i].Length;
        var all = new int[offsets[^1]];
        for (var i = 0; i < lists.Length; i++) lists[i].CopyTo(all, offsets[i]);
        return new(corrupted, sources, model.Device.Upload(offsets, offsetMemory), model.Device.Upload(all, listMemory),
            norm.Scale, norm.Shift, norm.Epsilon, norm.Centred);
    }

    /// <summary>
    /// Clears the columns of a node's difference that a circuit of neurons does not carry, and the rows of other spans than its own, and takes its last rows from all rows where these
    /// were computed. Needs the memory of the mixed inputs.
    /// </summary>
    public void Finish(ProgramNode node, int place)
    {
        var onAllRows = node.OnAllRows || node.Source == ModelGraph.InputNode;
        var difference = At(place, onAllRows);
        if (node.Neurons is { } neurons)
        {
            var row = new float[difference.Columns];
            for (var c = 0; c < row.Length; c++) row[c] = neurons.Contains(node.Source, c) ? 1 : 0;
            model.Device.Upload(row, neuronRow);
            var mask = mixed.RowRange(0, difference.Rows);
            model.Device.GatherRows(neuronRow, neuronRows with { Count = mask.Rows }, 1, mask);
            model.Device.MultiplyElements(difference, mask, difference);
        }
        if (node.Span >= 0) masks!.Apply(node.Span, onAllRows, difference, mixed.RowRange(0, difference.Rows));
        if (onAllRows) model.Device.GatherRows(difference, layout.LastRows, 1, At(place, allRows: false));
    }
}
