using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Masks;

/// <summary>
/// One micro-batch with a mask on every edge (method.md §10), forwards and backwards. Every column has its own stream (<see cref="MaskedStreams"/>), norm and projection: masks of
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
    private readonly MaskedStreams streams;
    private readonly MaskedLayer[] layers;
    // Of all columns of a layer's heads, one after another: streams and what their norms put out, and the gradients there.
    private readonly RowMatrices columns;
    private readonly RowMatrices stream;
    private readonly RowMatrices normed;
    private readonly RowMatrices context;
    private readonly Tensor hidden;
    private readonly SplitGradients split;
    private readonly BackwardBuffers backward;
    private readonly (Tensor Normed, Tensor XHat, Tensor InverseSigma, Tensor Gradient) final;
    private readonly Tensor values;

    /// <summary>Lays out a run.</summary>
    /// <param name="model">The model.</param>
    /// <param name="arena">Where what it keeps between runs goes.</param>
    /// <param name="work">Where all else goes: memory that other runs may use in turn.</param>
    /// <param name="measuring">True where the arenas only count.</param>
    /// <param name="batch">The examples.</param>
    /// <param name="kind">What is measured.</param>
    /// <param name="table">What stands for outputs, or null for the corrupted run's.</param>
    public MaskedRun(Transformer model, Arena arena, Arena work, bool measuring, Batch batch, MetricKind kind, AblationTable? table)
    {
        (this.model, this.batch) = (model, batch);
        var c = model.Config;
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        var rows = inputs.Layout.Rows;
        metric = new MetricHead(model, arena, measuring, batch.Examples, kind, 1, gradient: true);
        values = arena.Matrix(batch.Sequences, 1);
        var mark = work.Mark();
        corrupted = new CorruptedRun(model, arena, inputs, work);
        work.Release(mark); // of it others use what it keeps
        clean = new Activations(work, c, rows, keepLayers: false);
        work.Release(mark); // the clean run is done before anything below is used
        streams = new MaskedStreams(model, work, inputs, corrupted);
        layers = [.. Enumerable.Range(0, c.Layers).Select(l => new MaskedLayer(work, c, rows, l))];
        columns = new RowMatrices(work, rows.Times(3 * c.Heads), c.Width);
        stream = new RowMatrices(work, rows, c.Width);
        normed = new RowMatrices(work, rows, c.Width);
        context = new RowMatrices(work, rows, c.QueryWidth);
        hidden = work.Matrix(rows.All, c.MlpWidth);
        split = new(work.Matrix(rows.All, c.QueryWidth), work.Matrix(rows.All, c.QueryWidth), work.Matrix(rows.All, c.QueryWidth));
        backward = new BackwardBuffers(work, c, rows, GradientRule.Derivative);
        final = (work.Matrix(rows.Sequences, c.Width), work.Matrix(rows.Sequences, c.Width), work.Matrix(rows.Sequences, 1), work.Matrix(rows.Sequences, c.Width));
    }

    /// <summary>The bytes that a run of this shape keeps, and those that it works with.</summary>
    public static (long Kept, long Work) Measure(Transformer model, Batch batch, MetricKind kind, AblationTable? table)
    {
        var (arena, work) = (Arena.Measuring(), Arena.Measuring());
        _ = new MaskedRun(model, arena, work, measuring: true, batch, kind, table);
        return (arena.Peak, work.Peak);
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
    }

    /// <summary>
    /// The metric of every example under masks [F·N], laid out as <see cref="EdgeScores"/>, and where they are wanted, the gradients of the loss by every mask,
    /// one example after another added to <paramref name="gradient"/>.
    /// </summary>
    public void Run(float[] masks, Span<double> metrics, double[]? gradient)
    {
        var c = model.Config;
        streams.Start(masks);
        for (var l = 0; l < c.Layers; l++)
        {
            if (c.ParallelBlocks) RunMlp(l);
            RunHeads(l);
            if (!c.ParallelBlocks) RunMlp(l);
        }
        var x = stream.Last;
        streams.Read(model.Graph.LogitsColumn, 1, allRows: false, corrupted.LogitsStream, x);
        model.FinalNorm.Forward(x, final.Normed, final.XHat, final.InverseSigma);
        Read(final.Normed, metrics, gradient is null ? default : final.Gradient);
        if (gradient is null) return;
        Backward();
        streams.AddTo(gradient);
    }

    /// <summary>The columns of a layer's heads that are neighbours and have the same rows: all, or of a narrow layer the queries, and then the others.</summary>
    private (InputKind First, int Kinds, bool AllRows)[] Parts(int l) =>
        inputs.Layout.Rows.IsNarrow(l) ? [(InputKind.Query, 1, false), (InputKind.Key, 2, true)] : [(InputKind.Query, 3, true)];

    private Tensor Columns(int kinds, bool allRows) =>
        allRows ? columns.All.RowRange(0, kinds * model.Config.Heads * inputs.Layout.Rows.All) : columns.Last.RowRange(0, kinds * model.Config.Heads * inputs.Layout.Rows.Sequences);

    private void RunHeads(int l)
    {
        var (c, device, attention, a, layout) = (model.Config, model.Device, model.AttentionBlock(l), layers[l], inputs.Layout);
        var wide = !layout.Rows.IsNarrow(l);
        foreach (var (first, kinds, allRows) in Parts(l))
        {
            var x = Columns(kinds, allRows);
            streams.Read(model.Graph.HeadColumn(l, first, 0), kinds * c.Heads, allRows, corrupted.Layer(l, allRows).AttentionStream, x);
            var (xHat, inverseSigma) = a.Trace(first, c.Heads, x.Rows);
            attention.Norm.Forward(x, x, xHat, inverseSigma);
            var rows = x.Rows / (kinds * c.Heads);
            for (var i = 0; i < kinds * c.Heads; i++)
            {
                var (kind, h) = (first + i / c.Heads, i % c.Heads);
                attention.Multiply(x.RowRange(i * rows, rows), a.Projected(kind).ColumnRange(h * c.HeadDim, c.HeadDim), attention.ColumnOf(kind, h));
            }
        }
        var r = a.Activations;
        attention.Finish(InputKind.Query, r.FinalQuery, layout.QueryAngles(l), r.FinalQuery, r.QueryNorm);
        attention.FinishCopies(r.FinalKey, layout.Angles, r.KeyNorm);
        attention.AttendCopies(layout.Queries(l), r.FinalQuery, r.FinalKey, a.Value, inputs.Prefix.Keys[l], inputs.Prefix.Values[l], r.Context, r.Normalizers);
        var z = Of(context, wide);
        device.Subtract(r.Context, corrupted.Layer(l, wide).Context, z);
        for (var h = 0; h < c.Heads; h++)
        {
            var u = model.Graph.HeadNode(l, h);
            attention.HeadOutput(z.ColumnRange(h * c.HeadDim, c.HeadDim), h, streams.Difference(u, wide), add: false);
            if (wide) streams.TakeLast(u);
        }
    }

    private void RunMlp(int l)
    {
        var (mlp, a, wide) = (model.MlpBlock(l), layers[l].Activations, !inputs.Layout.Rows.IsNarrow(l));
        var (x, y, u, ofCorrupted) = (Of(stream, wide), Of(normed, wide), model.Graph.MlpNode(l), corrupted.Layer(l, wide));
        var difference = streams.Difference(u, wide);
        streams.Read(model.Graph.MlpColumn(l), 1, wide, ofCorrupted.MlpStream, x);
        mlp.Norm.Forward(x, y, a.MlpXHat, a.MlpInverseSigma);
        mlp.Output(GradientRule.Derivative, y, a.Gate, hidden.RowRange(0, x.Rows), difference, a.MlpOutputXHat, a.MlpOutputInverseSigma);
        model.Device.AddScaled(ofCorrupted.MlpOutput, -1, difference);
        if (wide) streams.TakeLast(u);
    }

    private void Backward()
    {
        var (c, layout) = (model.Config, inputs.Layout);
        streams.StartGradients();
        model.FinalNorm.Backward(final.Gradient, final.XHat, final.InverseSigma, add: false, stream.Last);
        streams.Pass(model.Graph.LogitsColumn, 1, allRows: false, stream.Last);
        for (var l = c.Layers - 1; l >= 0; l--)
        {
            var (wide, a) = (!layout.Rows.IsNarrow(l), layers[l].Activations);
            // Heads of a parallel block read what its MLP reads, so that neither waits for the other.
            var gMlp = model.MlpBlock(l).Backward(GradientRule.Derivative, a, a.Gate, streams.Gradient(model.Graph.MlpNode(l), wide), backward);
            streams.Pass(model.Graph.MlpColumn(l), 1, wide, gMlp);
            BackwardHeads(l);
        }
    }

    private void BackwardHeads(int l)
    {
        var (c, attention, a, layout) = (model.Config, model.AttentionBlock(l), layers[l], inputs.Layout);
        var wide = !layout.Rows.IsNarrow(l);
        var gContext = Of(context, wide);
        for (var h = 0; h < c.Heads; h++) attention.HeadOutputBackward(streams.Gradient(model.Graph.HeadNode(l, h), wide), h, gContext.ColumnRange(h * c.HeadDim, c.HeadDim));
        var g = split with { Query = split.Query.RowRange(0, gContext.Rows) };
        attention.AttendCopiesBackward(layout, inputs.Prefix, a.Activations, a.Value, gContext, g);
        Tensor[] gradients = [g.Query, g.Key, g.Value];
        foreach (var (first, kinds, allRows) in Parts(l))
        {
            var gx = Columns(kinds, allRows);
            var rows = gx.Rows / (kinds * c.Heads);
            for (var i = 0; i < kinds * c.Heads; i++)
            {
                var (kind, h) = (first + i / c.Heads, i % c.Heads);
                attention.ProjectionBackward(gradients[(int)kind].ColumnRange(h * c.HeadDim, c.HeadDim), kind, h, gx.RowRange(i * rows, rows));
            }
            var (xHat, inverseSigma) = a.Trace(first, c.Heads, gx.Rows);
            if (!attention.Norm.IsNone) attention.Norm.Backward(gx, xHat, inverseSigma, add: false, gx);
            streams.Pass(model.Graph.HeadColumn(l, first, 0), kinds * c.Heads, allRows, gx);
        }
    }

    private static Tensor Of(in RowMatrices x, bool allRows) => allRows ? x.All : x.Last;

    private void Read(Tensor y, Span<double> destination, Tensor gradient)
    {
        metric.Run(y, values, gradient);
        Span<float> floats = new float[batch.Sequences];
        model.Device.Download(values, floats);
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }
}
