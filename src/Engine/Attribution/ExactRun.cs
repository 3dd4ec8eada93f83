using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// One micro-batch of exact patching (method.md §6): of every edge u → v the loss with x_v + Δz_u in the place of x_v. Nothing
/// before v changes, so a trial starts there: norm and projection of x + Δz_u are shared by all head inputs of a layer; a head is
/// tried with one of its q, k and v taken from them and the other two from the clean run; then Δ of its output joins the clean
/// stream, and the rest of the model runs over many trials at once, each with a copy of the batch's suffix rows.
/// </summary>
internal sealed class ExactRun
{
    private static readonly InputKind[] HeadInputs = [InputKind.Query, InputKind.Key, InputKind.Value];

    private readonly Transformer model;
    private readonly Arena arena;
    private readonly Batch batch;
    private readonly MetricKind kind;
    private readonly Func<EdgeId, bool> wanted;
    private readonly BatchInputs inputs;
    private readonly MetricHead metric;
    private readonly Tensor values;
    private readonly DifferenceCapture differences;
    private readonly Activations clean;
    private readonly SourceDifferences sources;

    // The same on each sequence's last row, which is all that the last layer goes on with.
    private readonly RowMatrices inputDifference;
    private readonly Tensor[] lastContexts;
    private readonly Tensor[] lastMlpOutputs;
    private readonly Tensor[] lastAttentionOutputs;
    private readonly SourceDifferences lastSources;

    // Head inputs of one source.
    private readonly Tensor mixed;
    private readonly RowMatrices normed;
    private readonly Tensor projection;
    private readonly Tensor lastQuery;
    private readonly Tensor finalQuery;
    private readonly Tensor finalKey;
    private readonly Tensor[] contexts;
    private readonly Tensor normalizers;
    private readonly JoinedHeads? joined;

    // Trials side by side.
    private readonly Rows rows;
    private readonly int rowsTogether;
    private readonly Activations trials;
    private readonly long layoutMark;
    private PassLayout trialLayout;

    private double[] cleanLosses = [];

    /// <summary>Lays out a run of the <paramref name="wanted"/> edges whose trials have up to <paramref name="rowsTogether"/> rows together (but at least one trial).</summary>
    public ExactRun(Transformer model, Arena arena, bool measuring, Batch batch, MetricKind kind, AblationTable? table, Func<EdgeId, bool> wanted, int rowsTogether)
    {
        this.model = model;
        this.arena = arena;
        this.batch = batch;
        this.kind = kind;
        this.wanted = wanted;
        Scores = measuring ? [] : new float[checked(batch.Sequences * model.Graph.Pairs)];
        var c = model.Config;
        rows = new Rows(c.Layers, batch.Rows, batch.Sequences);
        this.rowsTogether = rowsTogether;
        var (wide, narrow) = (rows.All * Together(-1), rows.Sequences * Together(c.Layers));
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        metric = new MetricHead(model, arena, measuring, batch.Examples, kind, Together(c.Layers), gradient: false);
        values = arena.Matrix(narrow, 1);
        differences = new DifferenceCapture(model, arena, rows, inputs.Ablation);
        inputDifference = new RowMatrices(arena, rows, c.Width);
        lastContexts = [.. Enumerable.Range(0, c.Layers).Select(l => rows.IsNarrow(l) ? differences.Context(l) : arena.Matrix(rows.Sequences, c.QueryWidth))];
        lastMlpOutputs = [.. Enumerable.Range(0, c.Layers).Select(l => rows.IsNarrow(l) ? differences.Mlp(l) : arena.Matrix(rows.Sequences, c.Width))];
        clean = new Activations(arena, c, rows);
        clean.Keep(arena);
        lastAttentionOutputs = [.. clean.Layers.Select((a, l) => rows.IsNarrow(l) || !c.NormsOutputs ? a.KeptAttentionOutput : arena.Matrix(rows.Sequences, c.Width))];
        var work = c.NormsOutputs ? arena.Matrix(rows.All, c.Width) : default;
        // Where heads are ablated like the input, all rows are the same one.
        var headOutput = table is { HeadsAsInput: true } ? inputs.Ablated : default;
        sources = new SourceDifferences(model, inputDifference.All, l => differences.Contexts[l], l => differences.MlpOutputs[l], headOutput) { AttentionOutputs = l => clean.Layers[l].KeptAttentionOutput, Work = work };
        lastSources = new SourceDifferences(model, inputDifference.Last, l => lastContexts[l], l => lastMlpOutputs[l], headOutput) { AttentionOutputs = l => lastAttentionOutputs[l], Work = work };
        mixed = arena.Matrix(rows.All, c.Width);
        normed = new RowMatrices(arena, rows, c.Width);
        projection = arena.Matrix(rows.All, c.ProjectionWidth);
        lastQuery = arena.Matrix(rows.Sequences, c.QueryWidth);
        finalQuery = arena.Matrix(rows.All, c.QueryWidth);
        finalKey = arena.Matrix(rows.All, c.KeyWidth);
        contexts = [.. HeadInputs.Select(_ => arena.Matrix(rows.All, c.QueryWidth))];
        normalizers = arena.Matrix(rows.All, 2 * c.Heads);
        joined = JoinedHeads.Of(model, arena, rows);
        trials = new Activations(arena, c, new Rows(c.Layers, Math.Max(wide, narrow), narrow), keepLayers: false);
        layoutMark = arena.Mark();
        trialLayout = new PassLayout(model, arena, measuring, batch, Together(-1));
    }

    /// <summary>The scores of the edges tried so far, by example [sequences × F·N]; 0 elsewhere.</summary>
    public float[] Scores { get; }

    /// <summary>Trials run so far, each with all examples of the batch.</summary>
    public int Trials { get; private set; }

    /// <summary>The bytes that a run of this shape takes.</summary>
    public static long Measure(Transformer model, Batch batch, MetricKind kind, AblationTable? table, int rowsTogether)
    {
        var arena = Arena.Measuring();
        _ = new ExactRun(model, arena, measuring: true, batch, kind, table, _ => false, rowsTogether);
        return arena.Peak;
    }

    /// <summary>Runs both ends, and reads their metrics.</summary>
    public void RunEnds(Span<double> cleanValues, Span<double> corruptedValues)
    {
        var device = model.Device;
        var corrupted = trials.First(rows);
        differences.Start();
        inputs.Start(inputs.Ablated, corrupted);
        differences.Expect(clean: null, corrupted: 0);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, corrupted, differences);
        inputs.Start(inputs.Clean, clean);
        differences.Expect(clean: 0, corrupted: null);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, clean, differences);
        metric.SetReference(clean.Final);
        RunMetric(clean.Final);
        Read(cleanValues);
        RunMetric(corrupted.Final);
        Read(corruptedValues);
        cleanLosses = [.. cleanValues.ToArray().Select(value => kind.Loss(value))];

        device.Subtract(inputs.Ablated, inputs.Clean, inputDifference.All);
        device.GatherRows(inputDifference.All, inputs.Layout.LastRows, 1, inputDifference.Last);
        for (var l = 0; !rows.IsNarrow(l); l++)
        {
            device.GatherRows(differences.Contexts[l], inputs.Layout.LastRows, 1, lastContexts[l]);
            device.GatherRows(differences.MlpOutputs[l], inputs.Layout.LastRows, 1, lastMlpOutputs[l]);
            if (!lastAttentionOutputs[l].IsNone) device.GatherRows(clean.Layers[l].KeptAttentionOutput, inputs.Layout.LastRows, 1, lastAttentionOutputs[l]);
        }
        differences.Finish(inputs.Layout.LastRows);
    }

    /// <summary>Tries the edges into the heads of a layer.</summary>
    public void TryHeads(int l, CancellationToken cancellation)
    {
        var graph = model.Graph;
        foreach (var source in graph.InEdges(graph.HeadColumn(l, InputKind.Query, 0)).Select(graph.SourceOf))
        {
            cancellation.ThrowIfCancellationRequested();
            var columns = HeadInputs.SelectMany(input => Enumerable.Range(0, graph.Heads).Select(h => (Input: input, Head: h)))
                .Where(to => wanted(graph.Edge(source, graph.HeadColumn(l, to.Input, to.Head)))).ToArray();
            if (columns.Length == 0) continue;
            Project(l, source);
            foreach (var input in columns.Select(to => to.Input).Distinct().Where(input => !IsJoined(input))) Attend(l, input);
            foreach (var chunk in columns.Chunk(Together(l)))
            {
                Score(l, [.. chunk.Select(to => graph.Edge(source, graph.HeadColumn(l, to.Input, to.Head)))], (layout, pass) => RunHeads(l, chunk, layout, pass));
            }
        }
    }

    /// <summary>Trials of heads of a layer, each with Δ of its output in the clean stream.</summary>
    private void RunHeads(int l, (InputKind Input, int Head)[] heads, PassLayout layout, Activations pass)
    {
        var (device, dh, parallel) = (model.Device, model.Config.HeadDim, model.Graph.Parallel);
        var stream = TrialStream(l, heads.Length);
        var count = stream.Rows / heads.Length;
        for (var i = 0; i < heads.Length; i++)
        {
            var (input, h) = heads[i];
            var x = stream.RowRange(i * count, count);
            device.Copy(parallel ? CleanStreamAfter(l) : clean.Layers[l].KeptMlpStream, x);
            var (of, change) = (rows.IsNarrow(l) ? lastSources : sources, contexts[(int)input].RowRange(0, count));
            if (IsJoined(input)) AttendJoined(l, input, h);
            of.AddHeads(l, x, to =>
            {
                if (IsJoined(input)) model.AttentionBlock(l).HeadOutputs(change, to, add: true);
                else model.AttentionBlock(l).HeadOutput(change.ColumnRange(h * dh, dh), h, to, add: true);
            });
        }
        if (parallel) ForwardPass.RunFromLayer(model, layout, inputs.Prefix, pass, l + 1);
        else ForwardPass.RunFromMlp(model, layout, inputs.Prefix, pass, l);
    }

    /// <summary>Tries the edges into the MLP of a layer.</summary>
    public void TryMlp(int l)
    {
        var column = model.Graph.MlpColumn(l);
        foreach (var chunk in Wanted(column).Chunk(Together(l)))
        {
            Score(l, chunk, (layout, pass) => RunMlps(l, chunk, layout, pass));
        }
    }

    /// <summary>Trials of the MLP of a layer, each of which reads Δz_u of one source besides.</summary>
    private void RunMlps(int l, EdgeId[] from, PassLayout layout, Activations pass)
    {
        var device = model.Device;
        var stream = TrialStream(l, from.Length);
        var count = stream.Rows / from.Length;
        Mix(from, clean.Layers[l].KeptMlpStream, rows.IsNarrow(l) ? lastSources : sources, stream);
        model.MlpBlock(l).Normalise(pass, stream);
        var output = model.MlpBlock(l).Output(pass, stream.Rows);
        for (var i = 0; i < from.Length; i++)
        {
            device.AddScaled(clean.Layers[l].KeptMlpOutput, -1, output.RowRange(i * count, count));
            device.Copy(CleanStreamAfter(l), stream.RowRange(i * count, count));
        }
        device.AddScaled(output, 1, stream);
        ForwardPass.RunFromLayer(model, layout, inputs.Prefix, pass, l + 1);
    }

    /// <summary>Tries the edges into logits.</summary>
    public void TryLogits()
    {
        var layers = model.Graph.Layers;
        foreach (var chunk in Wanted(model.Graph.LogitsColumn).Chunk(Together(layers)))
        {
            Score(layers, chunk, (layout, pass) =>
            {
                Mix(chunk, clean.Stream.Last, lastSources, pass.Stream.Last);
                ForwardPass.RunFromLayer(model, layout, inputs.Prefix, pass, layers);
            });
        }
    }

    private IEnumerable<EdgeId> Wanted(ColumnId column) => model.Graph.InEdges(column).Where(wanted);

    /// <summary>How many trials that start in a layer, or before all, run side by side.</summary>
    private int Together(int l) => Math.Max(1, rowsTogether / rows.Of(l));

    /// <summary>The activations of some trials that start in layer l, with no more rows than that goes on with.</summary>
    private Activations Trial(int l, int count) => trials.First(new Rows(rows.Layers, rows.Of(l), rows.Sequences).Times(count));

    private Tensor TrialStream(int l, int count) => trials.Stream.Of(rows.Times(count), l);

    /// <summary>The layout of so many trials. The last layer, once its keys and values are known, needs none.</summary>
    private PassLayout Layout(int l, int count)
    {
        if (rows.IsNarrow(l)) return inputs.Layout;
        if (trialLayout.Points != count)
        {
            arena.Release(layoutMark);
            trialLayout = new PassLayout(model, arena, measuring: false, batch, count);
        }
        return trialLayout;
    }

    private Tensor CleanStreamAfter(int l) => rows.IsNarrow(l) ? clean.Stream.Last : clean.Layers[l + 1].KeptAttentionStream;

    private void Mix(EdgeId[] from, Tensor stream, SourceDifferences source, Tensor x)
    {
        for (var i = 0; i < from.Length; i++)
        {
            var rows = x.RowRange(i * stream.Rows, stream.Rows);
            model.Device.Copy(stream, rows);
            source.Add(model.Graph.SourceOf(from[i]), rows);
        }
    }

    /// <summary>Queries, keys and values of all heads of a layer that reads x + Δz_u.</summary>
    private void Project(int l, NodeId source)
    {
        var attention = model.AttentionBlock(l);
        Mix([model.Graph.Edge(source, model.Graph.HeadColumn(l, InputKind.Query, 0))], clean.Layers[l].KeptAttentionStream, sources, mixed);
        attention.Norm.Forward(mixed, normed.All);
        attention.Project(inputs.Layout, normed.All, normed.Last, Projected(l));
    }

    private Projection Projected(int l) => Projection.In(model.Config, rows, l, projection, lastQuery);

    /// <summary>Δ of the attention contexts when all heads take <paramref name="input"/> from the last projection, and the rest from the clean run.</summary>
    private void Attend(int l, InputKind input)
    {
        var (attention, layout, a, p) = (model.AttentionBlock(l), inputs.Layout, clean.Layers[l], Projected(l));
        var count = rows.Of(l);
        var q = input == InputKind.Query ? attention.Finish(input, p.Query, layout.QueryAngles(l), finalQuery.RowRange(0, count)) : a.FinalQuery;
        var k = input == InputKind.Key ? attention.Finish(input, p.Key, layout.Angles, finalKey) : a.FinalKey;
        var v = input == InputKind.Value ? p.Value : a.Projected.Value;
        var context = contexts[(int)input].RowRange(0, count);
        attention.Attend(layout, inputs.Prefix, q, k, v, context, normalizers.RowRange(0, count));
        model.Device.AddScaled(a.Context, -1, context);
    }

    /// <summary>True where a head's input changes what all heads of its layer put out.</summary>
    private bool IsJoined(InputKind input) => joined is not null && input != InputKind.Value;

    /// <summary>Δ of the attention contexts of all heads when one takes <paramref name="input"/> from the last projection, and all else is from the clean run.</summary>
    private void AttendJoined(int l, InputKind input, int head)
    {
        var (a, p, dh, context) = (clean.Layers[l], Projected(l), model.Config.HeadDim, contexts[(int)input].RowRange(0, rows.Of(l)));
        var projected = input == InputKind.Query ? p.Query.ColumnRange(head * dh, dh) : p.Key.ColumnRange(head / model.Config.Group * dh, dh);
        joined!.Attend(l, inputs.Layout, inputs.Prefix, a, input, head, projected, context, normalizers.RowRange(0, context.Rows));
        model.Device.AddScaled(a.Context, -1, context);
    }

    /// <summary>Loss of each trial − loss of the clean run, for trials that start in layer l; they come again with other sources.</summary>
    private void Score(int l, EdgeId[] edges, Action<PassLayout, Activations> run)
    {
        var results = new double[edges.Length * batch.Sequences];
        var (layout, pass) = (Layout(l, edges.Length), Trial(l, edges.Length));
        run(layout, pass);
        RunMetric(pass.Final.RowRange(0, results.Length));
        Read(results);
        for (var i = 0; i < edges.Length; i++)
        {
            for (var e = 0; e < batch.Sequences; e++)
            {
                Scores[e * model.Graph.Pairs + edges[i]] = (float)(kind.Loss(results[i * batch.Sequences + e]) - cleanLosses[e]);
            }
        }
        Trials += edges.Length;
    }

    private void RunMetric(Tensor y) => metric.Run(y, values.RowRange(0, y.Rows), default);

    /// <summary>The values of the metric that was last run.</summary>
    private void Read(Span<double> destination)
    {
        var floats = new float[destination.Length];
        model.Device.Download(values, floats);
        for (var i = 0; i < floats.Length; i++) destination[i] = floats[i];
    }
}
