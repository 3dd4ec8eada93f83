using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Masks;

/// <summary>
/// What columns read where every edge has a mask, and what their gradients are to the sources and to the masks (method.md §10): x_v = x_v(corrupted) + Σ_u m_uv·δ_u,
/// δ_u = z_u − z_u(corrupted); the gradient at z_u is Σ_v m_uv·∂L/∂x_v, and ∂L/∂m_uv = Σ_rows δ_u·∂L/∂x_v. The columns of a layer are mixed in one product, and their
/// gradients by masks are one contraction. Where attention's output is normed, every column norms its own mixture of a layer's heads, N_post(o_corr + Σ_h m_hv·δ_h)
/// (method.md §8), and its gradient goes back through that norm.
/// </summary>
internal sealed class MaskedStreams
{
    private readonly Transformer model;
    private readonly PassLayout layout;
    private readonly BatchInputs inputs;
    private readonly CorruptedRun corrupted;
    // Where a source stands in the memory below: by its number, or where heads are normed together the input and the MLPs first, so that these, too, are neighbours.
    private readonly int[] places;
    private readonly RowMatrices differences;
    private readonly RowMatrices gradients;
    private readonly Tensor bySource;
    private readonly Tensor byColumn;
    private readonly Tensor scores;
    private readonly float[] uploaded;
    private readonly Norms? norms;

    /// <summary>Lays out memory that is filled anew in every run.</summary>
    public MaskedStreams(Transformer model, Arena arena, BatchInputs inputs, CorruptedRun corrupted)
    {
        (this.model, this.inputs, layout, this.corrupted) = (model, inputs, inputs.Layout, corrupted);
        var (c, graph, rows) = (model.Config, model.Graph, layout.Rows);
        places = [.. graph.AllSources.Select(u => c.NormsOutputs ? PlaceBesideHeads(u) : u.Index)];
        differences = new RowMatrices(arena, rows.Times(graph.Sources), c.Width);
        gradients = new RowMatrices(arena, rows.Times(graph.Sources), c.Width);
        bySource = arena.Matrix(graph.Sources, graph.Columns);
        byColumn = arena.Matrix(graph.Columns, graph.Sources);
        scores = arena.Matrix(rows.Sequences, graph.Pairs);
        uploaded = new float[graph.Pairs];
        if (c.NormsOutputs) norms = new Norms(arena, rows, c.Width, c.Layers, 3 * c.Heads);
    }

    /// <summary>Starts a run under masks [F·N], laid out as <see cref="EdgeScores"/>.</summary>
    public void Start(float[] masks)
    {
        var (device, graph) = (model.Device, model.Graph);
        for (var u = 0; u < places.Length; u++) masks.AsSpan(u * graph.Columns, graph.Columns).CopyTo(uploaded.AsSpan(places[u] * graph.Columns));
        device.Upload(uploaded, bySource);
        for (var u = 0; u < places.Length; u++)
            for (var v = 0; v < graph.Columns; v++) uploaded[v * places.Length + places[u]] = masks[u * graph.Columns + v];
        device.Upload(uploaded, byColumn);
        device.Subtract(inputs.Clean, inputs.Ablated, Difference(ModelGraph.InputNode, true));
        TakeLast(ModelGraph.InputNode);
        for (var l = 0; norms is not null && l < model.Config.Layers; l++)
        {
            // Of a narrow layer's output there are the last rows only; nothing reads others.
            foreach (var allRows in layout.Rows.IsNarrow(l) ? (bool[])[false] : [true, false])
                model.AttentionBlock(l).OutputNorm.Forward(corrupted.Layer(l, allRows).AttentionOutput, Of(norms.Ablated[l], allRows));
        }
    }

    /// <summary>δ of a source.</summary>
    public Tensor Difference(NodeId u, bool allRows) => At(differences, places[u.Index], 1, allRows);

    /// <summary>Takes the last rows of the δ of a source, of which all rows are there.</summary>
    public void TakeLast(NodeId u) => model.Device.GatherRows(Difference(u, true), layout.LastRows, 1, Difference(u, false));

    /// <summary>x [count·rows × d] = the streams that neighbouring columns of one block read, one after another.</summary>
    public void Read(ColumnId first, int count, bool allRows, Tensor ofCorrupted, Tensor x)
    {
        var sources = model.Graph.SourcesBefore(first);
        if (norms is null)
        {
            Mix(first, count, 0, sources, allRows, ofCorrupted, x);
            return;
        }
        // The stream without what attention put out, and then every column's own of that.
        var (device, layers, rest) = (model.Device, model.Graph.LayersOfHeadsBefore(first), Of(norms.Rest, allRows));
        device.Copy(ofCorrupted, rest);
        for (var l = 0; l < layers; l++) device.AddScaled(Of(norms.Ablated[l], allRows), -1, rest);
        Mix(first, count, 0, sources - layers * model.Config.Heads, allRows, rest, x);
        for (var l = 0; l < layers; l++)
        {
            var mixed = MixHeads(l, first, count, allRows, x.Rows);
            model.AttentionBlock(l).OutputNorm.Forward(mixed, mixed);
            device.AddScaled(mixed, 1, x);
        }
    }

    /// <summary>Before the first gradient of a run.</summary>
    public void StartGradients()
    {
        foreach (var x in (Tensor[])[gradients.All, gradients.Last, scores]) model.Device.Fill(x, 0);
    }

    /// <summary>Passes the gradients at the streams of <see cref="Read"/> on to the sources and to the masks.</summary>
    public void Pass(ColumnId first, int count, bool allRows, Tensor gx)
    {
        var sources = model.Graph.SourcesBefore(first);
        if (norms is null)
        {
            PassOn(first, count, 0, sources, allRows, gx);
            return;
        }
        var layers = model.Graph.LayersOfHeadsBefore(first);
        PassOn(first, count, 0, sources - layers * model.Config.Heads, allRows, gx);
        for (var l = 0; l < layers; l++)
        {
            // Formed again: one for every column and layer before it would be more than memory holds.
            var (norm, mixed) = (model.AttentionBlock(l).OutputNorm, MixHeads(l, first, count, allRows, gx.Rows));
            var (xHat, inverseSigma) = (norms.XHat.RowRange(0, gx.Rows), norms.InverseSigma.RowRange(0, gx.Rows));
            norm.Forward(mixed, mixed, xHat, inverseSigma);
            norm.Backward(gx, xHat, inverseSigma, add: false, mixed);
            PassOn(first, count, PlaceOfHeads(l), model.Config.Heads, allRows, mixed);
        }
    }

    /// <summary>The whole gradient at what a source puts out, once all that read it have passed theirs.</summary>
    public Tensor Gradient(NodeId u, bool allRows)
    {
        var gradient = At(gradients, places[u.Index], 1, allRows);
        if (allRows) model.Device.ScatterAddRows(At(gradients, places[u.Index], 1, false), layout.LastRows, gradient);
        return gradient;
    }

    /// <summary>Adds the gradients by the masks, one example after another.</summary>
    public void AddTo(double[] gradient)
    {
        var columns = model.Graph.Columns;
        for (var e = 0; e < scores.Rows; e++)
        {
            model.Device.Download(scores.RowRange(e, 1), uploaded);
            for (var u = 0; u < places.Length; u++)
                for (var v = 0; v < columns; v++) gradient[u * columns + v] += uploaded[places[u] * columns + v];
        }
    }

    private void Mix(ColumnId first, int count, int place, int sources, bool allRows, Tensor baseline, Tensor x) =>
        model.Device.Combine(byColumn.RowRange(first.Index, count).ColumnRange(place, sources), AsRows(At(differences, place, sources, allRows), sources), AsRows(baseline, 1), AsRows(x, count));

    private Tensor MixHeads(int l, ColumnId first, int count, bool allRows, int rows)
    {
        var mixed = norms!.Mixed.RowRange(0, rows);
        Mix(first, count, PlaceOfHeads(l), model.Config.Heads, allRows, corrupted.Layer(l, allRows).AttentionOutput, mixed);
        return mixed;
    }

    private void PassOn(ColumnId first, int count, int place, int sources, bool allRows, Tensor gx)
    {
        var (device, columns, g) = (model.Device, model.Graph.Columns, AsRows(gx, count));
        device.Combine(bySource.RowRange(place, sources).ColumnRange(first.Index, count), g, default, AsRows(At(gradients, place, sources, allRows), sources));
        device.ContractRows(allRows ? layout.All : layout.Last, AsRows(At(differences, place, sources, allRows), sources), g, columns,
            scores.ColumnRange(place * columns + first.Index, (sources - 1) * columns + count));
    }

    private int PlaceBesideHeads(NodeId u) => model.Graph.PlaceOf(u) switch
    {
        (NodeKind.Head, var layer, var head) => PlaceOfHeads(layer) + head,
        (NodeKind.Mlp, var layer, _) => 1 + layer,
        _ => 0,
    };

    private int PlaceOfHeads(int l) => 1 + model.Config.Layers + l * model.Config.Heads;

    private Tensor At(in RowMatrices x, int place, int count, bool allRows)
    {
        var rows = allRows ? layout.Rows.All : layout.Rows.Sequences;
        return Of(x, allRows).RowRange(place * rows, count * rows);
    }

    private static Tensor Of(in RowMatrices x, bool allRows) => allRows ? x.All : x.Last;

    /// <summary>Dense matrices one after another, each as a row.</summary>
    private static Tensor AsRows(Tensor x, int matrices) => new(x.Buffer!, x.Offset, matrices, checked(x.Rows / matrices * x.Columns));

    /// <summary>Memory for mixtures of heads that are normed.</summary>
    private sealed class Norms(Arena arena, Rows rows, int width, int layers, int columns)
    {
        /// <summary>N_post(o_corr) of every layer.</summary>
        public RowMatrices[] Ablated { get; } = [.. Enumerable.Range(0, layers).Select(_ => new RowMatrices(arena, rows, width))];
        public RowMatrices Rest { get; } = new(arena, rows, width);
        public Tensor Mixed { get; } = arena.Matrix(checked(columns * rows.All), width);
        public Tensor XHat { get; } = arena.Matrix(columns * rows.All, width);
        public Tensor InverseSigma { get; } = arena.Matrix(columns * rows.All, 1);
    }
}
