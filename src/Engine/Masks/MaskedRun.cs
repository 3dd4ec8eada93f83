using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Masks;

/// <summary>
/// One micro-batch with a mask on every edge (method.md §10): x_v = x_v(corrupted) + Σ_u m_uv·δ_u, δ_u = z_u − z_u(corrupted), and the gradient of the loss
/// by every mask, ∂L/∂m_uv = Σ_rows δ_u·∂L/∂x_v, where the gradient at z_u is Σ_v m_uv·∂L/∂x_v. Every column has its own stream, norm and projection: masks of
/// 0 and 1 give what <see cref="CircuitRun"/> gives, and all at 1 the gradients of EAP.
/// </summary>
internal sealed class MaskedRun
{
    private readonly Transformer model;
    private readonly Batch batch;
    private readonly BatchInputs inputs;
    private readonly MetricHead metric;
    private readonly CorruptedRun corrupted;
    private readonly Activations clean;
    private readonly Weights ones;
    private readonly LayerMemory[] layers;
    private readonly RowMatrices differences;
    private readonly RowMatrices gradients;
    private readonly Tensor products;
    private readonly Tensor sums;
    private readonly RowMatrices stream;
    private readonly RowMatrices normed;
    private readonly RowMatrices context;
    private readonly Tensor hidden;
    private readonly SplitGradients split;
    private readonly BackwardBuffers backward;
    private readonly (Tensor Normed, Tensor XHat, Tensor InverseSigma, Tensor Gradient) final;
    private readonly Tensor values;
    private readonly float[] rowSums;

    /// <summary>Lays out a run.</summary>
    /// <param name="model">The model.</param>
    /// <param name="arena">Where.</param>
    /// <param name="measuring">True where the arena only counts.</param>
    /// <param name="batch">The examples.</param>
    /// <param name="kind">What is measured.</param>
    /// <param name="table">What stands for outputs, or null for the corrupted run's.</param>
    /// <param name="ones">A column of ones, by which rows are added up.</param>
    public MaskedRun(Transformer model, Arena arena, bool measuring, Batch batch, MetricKind kind, AblationTable? table, Weights ones)
    {
        (this.model, this.batch, this.ones) = (model, batch, ones);
        var (c, sources) = (model.Config, model.Graph.Sources);
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        var rows = inputs.Layout.Rows;
        metric = new MetricHead(model, arena, measuring, batch.Examples, kind, 1, gradient: true);
        values = arena.Matrix(batch.Sequences, 1);
        corrupted = new CorruptedRun(model, arena, inputs);
        var mark = arena.Mark();
        clean = new Activations(arena, c, rows, keepLayers: false);
        arena.Release(mark); // the clean run is done before anything below is used
        layers = [.. Enumerable.Range(0, c.Layers).Select(l => new LayerMemory(arena, model, rows, l))];
        differences = new RowMatrices(arena, rows.Times(sources), c.Width);
        gradients = new RowMatrices(arena, rows.Times(sources), c.Width);
        products = arena.Matrix(checked(sources * rows.All), c.Width);
        sums = arena.Matrix(sources * rows.All, 1);
        stream = new RowMatrices(arena, rows, c.Width);
        normed = new RowMatrices(arena, rows, c.Width);
        context = new RowMatrices(arena, rows, c.QueryWidth);
        hidden = arena.Matrix(rows.All, c.MlpWidth);
        split = new(arena.Matrix(rows.All, c.QueryWidth), arena.Matrix(rows.All, c.QueryWidth), arena.Matrix(rows.All, c.QueryWidth));
        backward = new BackwardBuffers(arena, c, rows, GradientRule.Derivative);
        final = (arena.Matrix(rows.Sequences, c.Width), arena.Matrix(rows.Sequences, c.Width), arena.Matrix(rows.Sequences, 1), arena.Matrix(rows.Sequences, c.Width));
        rowSums = new float[sums.Rows];
    }

    /// <summary>The bytes that a run of this shape takes.</summary>
    public static long Measure(Transformer model, Batch batch, MetricKind kind, AblationTable? table, Weights ones)
    {
        var arena = Arena.Measuring();
        _ = new MaskedRun(model, arena, measuring: true, batch, kind, table, ones);
        return arena.Peak;
    }

    /// <summary>Runs the clean and the corrupted (or ablated) prompts, and reads their metrics. Comes first.</summary>
    public void RunEnds(Span<double> cleanValues, Span<double> corruptedValues)
    {
        inputs.Start(inputs.Clean, clean);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, clean);
        metric.SetReference(clean.Final);
        Read(clean.Final, cleanValues, default);
        corrupted.Execute();
        Read(corrupted.Final, corruptedValues, default);
        model.Device.Subtract(inputs.Clean, inputs.Ablated, Difference(0, true));
        TakeLast(0);
    }

    /// <summary>
    /// The metric of every example under masks [F·N], laid out as <see cref="EdgeScores"/>, and where they are wanted, the gradients of the loss by every mask,
    /// one example after another added to <paramref name="gradient"/>.
    /// </summary>
    public void Run(float[] masks, Span<double> metrics, double[]? gradient)
    {
        var c = model.Config;
        for (var l = 0; l < c.Layers; l++)
        {
            if (c.ParallelBlocks) RunMlp(l, masks);
            RunHeads(l, masks);
            if (!c.ParallelBlocks) RunMlp(l, masks);
        }
        var x = stream.Last;
        Mix(model.Graph.LogitsColumn, masks, allRows: false, corrupted.LogitsStream, x);
        model.FinalNorm.Forward(x, final.Normed, final.XHat, final.InverseSigma);
        Read(final.Normed, metrics, gradient is null ? default : final.Gradient);
        if (gradient is not null) Backward(masks, gradient);
    }

    private void RunHeads(int l, float[] masks)
    {
        var (c, device, attention, a, layout) = (model.Config, model.Device, model.AttentionBlock(l), layers[l], inputs.Layout);
        var wide = !layout.Rows.IsNarrow(l);
        foreach (var kind in (InputKind[])[InputKind.Query, InputKind.Key, InputKind.Value])
        {
            var allRows = wide || kind != InputKind.Query;
            var (x, y) = (Of(stream, allRows), Of(normed, allRows));
            for (var h = 0; h < c.Heads; h++)
            {
                Mix(model.Graph.HeadColumn(l, kind, h), masks, allRows, corrupted.Layer(l, allRows).AttentionStream, x);
                var (xHat, inverseSigma) = a.OfColumn(kind, h, x.Rows);
                attention.Norm.Forward(x, y, xHat, inverseSigma);
                attention.Multiply(y, a.Projected(kind).ColumnRange(h * c.HeadDim, c.HeadDim), attention.ColumnOf(kind, h));
            }
        }
        var r = a.Activations;
        attention.Finish(InputKind.Query, r.FinalQuery, layout.QueryAngles(l), r.FinalQuery, r.QueryNorm);
        attention.Finish(InputKind.Key, r.FinalKey, layout.Angles, r.FinalKey, r.KeyNorm);
        attention.AttendCopies(layout.Queries(l), r.FinalQuery, r.FinalKey, a.Value, inputs.Prefix.Keys[l], inputs.Prefix.Values[l], r.Context, r.Normalizers);
        var z = Of(context, wide);
        device.Subtract(r.Context, corrupted.Layer(l, wide).Context, z);
        for (var h = 0; h < c.Heads; h++)
        {
            var u = model.Graph.HeadNode(l, h);
            attention.HeadOutput(z.ColumnRange(h * c.HeadDim, c.HeadDim), h, Difference(u, wide), add: false);
            if (wide) TakeLast(u);
        }
    }

    private void RunMlp(int l, float[] masks)
    {
        var (mlp, a, wide) = (model.MlpBlock(l), layers[l].Activations, !inputs.Layout.Rows.IsNarrow(l));
        var (x, y, u, ofCorrupted) = (Of(stream, wide), Of(normed, wide), model.Graph.MlpNode(l), corrupted.Layer(l, wide));
        Mix(model.Graph.MlpColumn(l), masks, wide, ofCorrupted.MlpStream, x);
        mlp.Norm.Forward(x, y, a.MlpXHat, a.MlpInverseSigma);
        mlp.Output(GradientRule.Derivative, y, a.Gate, hidden.RowRange(0, x.Rows), Difference(u, wide));
        model.Device.AddScaled(ofCorrupted.MlpOutput, -1, Difference(u, wide));
        if (wide) TakeLast(u);
    }

    private void Backward(float[] masks, double[] gradient)
    {
        var (c, device, layout) = (model.Config, model.Device, inputs.Layout);
        device.Fill(gradients.All, 0);
        device.Fill(gradients.Last, 0);
        model.FinalNorm.Backward(final.Gradient, final.XHat, final.InverseSigma, add: false, stream.Last);
        Took(model.Graph.LogitsColumn, masks, false, stream.Last, gradient);
        for (var l = c.Layers - 1; l >= 0; l--)
        {
            var wide = !layout.Rows.IsNarrow(l);
            // Heads of a parallel block read what its MLP reads, so that neither waits for the other.
            var gMlp = model.MlpBlock(l).Backward(GradientRule.Derivative, layers[l].Activations, layers[l].Activations.Gate, Output(model.Graph.MlpNode(l), wide), backward);
            Took(model.Graph.MlpColumn(l), masks, wide, gMlp, gradient);
            BackwardHeads(l, masks, gradient);
        }
    }

    private void BackwardHeads(int l, float[] masks, double[] gradient)
    {
        var (c, attention, a, layout) = (model.Config, model.AttentionBlock(l), layers[l], inputs.Layout);
        var wide = !layout.Rows.IsNarrow(l);
        var gContext = Of(context, wide);
        for (var h = 0; h < c.Heads; h++) attention.HeadOutputBackward(Output(model.Graph.HeadNode(l, h), wide), h, gContext.ColumnRange(h * c.HeadDim, c.HeadDim));
        var g = split with { Query = split.Query.RowRange(0, gContext.Rows) };
        attention.AttendCopiesBackward(layout, inputs.Prefix, a.Activations, a.Value, gContext, g);
        foreach (var (kind, of) in (ReadOnlySpan<(InputKind, Tensor)>)[(InputKind.Query, g.Query), (InputKind.Key, g.Key), (InputKind.Value, g.Value)])
        {
            var allRows = wide || kind != InputKind.Query;
            for (var h = 0; h < c.Heads; h++)
            {
                var (y, gx) = (Of(normed, allRows), Of(stream, allRows));
                var (xHat, inverseSigma) = a.OfColumn(kind, h, y.Rows);
                attention.ProjectionBackward(of.ColumnRange(h * c.HeadDim, c.HeadDim), kind, h, y);
                attention.Norm.Backward(y, xHat, inverseSigma, add: false, gx);
                Took(model.Graph.HeadColumn(l, kind, h), masks, allRows, gx, gradient);
            }
        }
    }

    /// <summary>x = the stream that a column reads.</summary>
    private void Mix(ColumnId v, float[] masks, bool allRows, Tensor ofCorrupted, Tensor x)
    {
        model.Device.Copy(ofCorrupted, x);
        for (var u = 0; u < model.Graph.SourcesBefore(v); u++)
        {
            var mask = masks[model.Graph.Edge(new(u), v)];
            if (mask != 0) model.Device.AddScaled(Difference(u, allRows), mask, x);
        }
    }

    /// <summary>Passes the gradient at the stream of a column on to the sources and to the masks of its edges.</summary>
    private void Took(ColumnId v, float[] masks, bool allRows, Tensor gx, double[] gradient)
    {
        var (device, graph, before) = (model.Device, model.Graph, model.Graph.SourcesBefore(v));
        for (var u = 0; u < before; u++)
        {
            var mask = masks[graph.Edge(new(u), v)];
            if (mask != 0) device.AddScaled(gx, mask, Gradient(u, allRows));
            device.MultiplyElements(gx, Difference(u, allRows), products.RowRange(u * gx.Rows, gx.Rows));
        }
        var added = sums.RowRange(0, before * gx.Rows);
        device.Multiply(ones, WeightSide.Forward, products.RowRange(0, added.Rows), added);
        device.Download(added, rowSums.AsSpan(0, added.Rows));
        var ends = allRows ? inputs.Layout.All.Offsets[1..] : [.. Enumerable.Range(1, batch.Sequences)];
        for (var u = 0; u < before; u++)
        {
            var row = 0;
            foreach (var end in ends)
            {
                var sum = 0.0;
                for (; row < end; row++) sum += rowSums[u * gx.Rows + row];
                gradient[graph.Edge(new(u), v)] += sum;
            }
        }
    }

    /// <summary>The whole gradient at what a source puts out.</summary>
    private Tensor Output(int u, bool allRows)
    {
        if (allRows) model.Device.ScatterAddRows(Gradient(u, false), inputs.Layout.LastRows, Gradient(u, true));
        return Gradient(u, allRows);
    }

    private void TakeLast(int u) => model.Device.GatherRows(Difference(u, true), inputs.Layout.LastRows, 1, Difference(u, false));

    private Tensor Difference(int u, bool allRows) => At(differences, u, allRows);

    private Tensor Gradient(int u, bool allRows) => At(gradients, u, allRows);

    private Tensor At(in RowMatrices x, int u, bool allRows)
    {
        var rows = allRows ? inputs.Layout.Rows.All : inputs.Layout.Rows.Sequences;
        return (allRows ? x.All : x.Last).RowRange(u * rows, rows);
    }

    private static Tensor Of(in RowMatrices x, bool allRows) => allRows ? x.All : x.Last;

    private void Read(Tensor y, Span<double> destination, Tensor gradient)
    {
        metric.Run(y, values, gradient);
        Span<float> floats = new float[batch.Sequences];
        model.Device.Download(values, floats);
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }

    /// <summary>What a backward pass needs of a layer.</summary>
    private sealed class LayerMemory
    {
        private readonly int rows;
        private readonly int heads;
        private readonly Tensor xHat;
        private readonly Tensor inverseSigma;

        public LayerMemory(Arena arena, Transformer model, Rows rows, int l)
        {
            var c = model.Config;
            (this.rows, heads) = (rows.All, c.Heads);
            xHat = arena.Matrix(checked(3 * heads * rows.All), c.Width);
            inverseSigma = arena.Matrix(3 * heads * rows.All, 1);
            Value = arena.Matrix(rows.All, c.QueryWidth);
            Activations = new LayerActivations
            {
                FinalQuery = rows.Matrix(arena, l, c.QueryWidth), FinalKey = arena.Matrix(rows.All, c.QueryWidth),
                Context = rows.Matrix(arena, l, c.QueryWidth), Normalizers = rows.Matrix(arena, l, 2 * c.Heads),
                MlpXHat = rows.Matrix(arena, l, c.Width), MlpInverseSigma = rows.Matrix(arena, l, 1),
                Gate = rows.Matrix(arena, l, (c.Gated ? 2 : 1) * c.MlpWidth),
            };
            if (c.QueryKeyNorm == Models.QueryKeyNorm.None) return;
            Activations.QueryNorm = new(rows.Matrix(arena, l, c.QueryWidth), rows.Matrix(arena, l, c.Heads));
            Activations.KeyNorm = new(arena.Matrix(rows.All, c.QueryWidth), arena.Matrix(rows.All, c.Heads));
        }

        /// <summary>Final queries and keys of every head by itself, contexts, and what MLP and norms leave.</summary>
        public LayerActivations Activations { get; }

        /// <summary>Values, one block a query head.</summary>
        public Tensor Value { get; }

        /// <summary>Where queries, keys or values are projected to.</summary>
        public Tensor Projected(InputKind kind) => kind switch { InputKind.Query => Activations.FinalQuery, InputKind.Key => Activations.FinalKey, _ => Value };

        /// <summary>x̂ and 1/σ of a head's query, key or value.</summary>
        public (Tensor XHat, Tensor InverseSigma) OfColumn(InputKind kind, int head, int count)
        {
            var first = ((int)kind * heads + head) * rows;
            return (xHat.RowRange(first, count), inverseSigma.RowRange(first, count));
        }
    }
}
