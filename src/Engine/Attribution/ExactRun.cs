using System.Runtime.InteropServices;
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
    private readonly Tensor inputDifference;
    private readonly Tensor lastInputDifference;
    private readonly Tensor[] lastContexts;
    private readonly Tensor[] lastMlpOutputs;
    private readonly SourceDifferences lastSources;

    // Head inputs of one source.
    private readonly Tensor mixed;
    private readonly Tensor normed;
    private readonly Tensor lastNormed;
    private readonly Tensor projection;
    private readonly Tensor lastQuery;
    private readonly Tensor rotatedQuery;
    private readonly Tensor rotatedKey;
    private readonly Tensor[] contexts;
    private readonly Tensor normalizers;

    // Trials side by side.
    private readonly int trialsTogether;
    private readonly int lastTrialsTogether;
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
        var (c, device, rows, sequences) = (model.Config, model.Device, batch.Rows, batch.Sequences);
        trialsTogether = Math.Max(1, rowsTogether / rows);
        lastTrialsTogether = Math.Max(1, rowsTogether / sequences);
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        metric = new MetricHead(model, arena, measuring, batch.Examples, kind, lastTrialsTogether, gradient: false);
        values = arena.Matrix(lastTrialsTogether * sequences, 1);
        differences = new DifferenceCapture(device, arena, c, rows, sequences, inputs.Ablation);
        inputDifference = arena.Matrix(rows, c.Width);
        lastInputDifference = arena.Matrix(sequences, c.Width);
        lastContexts = [.. Enumerable.Range(0, c.Layers).Select(l => l == c.Layers - 1 ? differences.LastContext : arena.Matrix(sequences, c.QueryWidth))];
        lastMlpOutputs = [.. Enumerable.Range(0, c.Layers).Select(l => l == c.Layers - 1 ? differences.LastMlp : arena.Matrix(sequences, c.Width))];
        // Where heads are ablated like the input, all rows are the same one.
        var headOutput = table is { HeadsAsInput: true } ? inputs.Ablated : default;
        sources = new SourceDifferences(model, inputDifference, differences.Contexts, differences.MlpOutputs, headOutput);
        lastSources = new SourceDifferences(model, lastInputDifference, lastContexts, lastMlpOutputs, headOutput);
        clean = new Activations(arena, c, rows, sequences);
        for (var l = 0; l < c.Layers; l++)
        {
            var queries = l == c.Layers - 1 ? sequences : rows;
            clean.Layers[l].KeptAttentionStream = arena.Matrix(rows, c.Width);
            clean.Layers[l].KeptMlpStream = arena.Matrix(queries, c.Width);
            clean.Layers[l].KeptMlpOutput = arena.Matrix(queries, c.Width);
        }
        mixed = arena.Matrix(rows, c.Width);
        normed = arena.Matrix(rows, c.Width);
        lastNormed = arena.Matrix(sequences, c.Width);
        projection = arena.Matrix(rows, c.ProjectionWidth);
        lastQuery = arena.Matrix(sequences, c.QueryWidth);
        rotatedQuery = arena.Matrix(rows, c.QueryWidth);
        rotatedKey = arena.Matrix(rows, c.KeyWidth);
        contexts = [.. HeadInputs.Select(_ => arena.Matrix(rows, c.QueryWidth))];
        normalizers = arena.Matrix(rows, 2 * c.Heads);
        trials = new Activations(arena, c, Math.Max(trialsTogether * rows, lastTrialsTogether * sequences), lastTrialsTogether * sequences, keepLayers: false);
        layoutMark = arena.Mark();
        trialLayout = new PassLayout(device, arena, measuring, batch, trialsTogether);
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
        var corrupted = trials.First(batch.Rows, batch.Sequences);
        device.Repeatable(() =>
        {
            differences.Start();
            inputs.Start(inputs.Ablated, corrupted);
            differences.Expect(clean: null, corrupted: 0);
            ForwardPass.Run(model, inputs.Layout, inputs.Prefix, corrupted, differences);
            inputs.Start(inputs.Clean, clean);
            differences.Expect(clean: 0, corrupted: null);
            ForwardPass.Run(model, inputs.Layout, inputs.Prefix, clean, differences);
        });
        metric.SetReference(clean.Final);
        RunMetric(clean.Final);
        Read(cleanValues);
        RunMetric(corrupted.Final);
        Read(corruptedValues);
        cleanLosses = [.. cleanValues.ToArray().Select(value => kind.Loss(value))];

        device.Subtract(inputs.Ablated, inputs.Clean, inputDifference);
        device.GatherRows(inputDifference, inputs.Layout.LastRows, 1, lastInputDifference);
        for (var l = 0; l < model.Graph.Layers - 1; l++)
        {
            device.GatherRows(differences.Contexts[l], inputs.Layout.LastRows, 1, lastContexts[l]);
            device.GatherRows(differences.MlpOutputs[l], inputs.Layout.LastRows, 1, lastMlpOutputs[l]);
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
            model.Device.Repeatable(() =>
            {
                Project(l, source);
                foreach (var input in columns.Select(to => to.Input).Distinct()) Attend(l, input);
            });
            foreach (var chunk in columns.Chunk(l == graph.Layers - 1 ? lastTrialsTogether : trialsTogether))
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
            device.Multiply(model.Layers[l].Output, WeightSide.Forward, contexts[(int)input].RowRange(0, count).ColumnRange(h * dh, dh), x, add: true, k0: h * dh);
        }
        if (parallel) ForwardPass.RunFromLayer(model, layout, inputs.Prefix, pass, l + 1);
        else ForwardPass.RunFromMlp(model, layout, inputs.Prefix, pass, l);
    }

    /// <summary>Tries the edges into the MLP of a layer.</summary>
    public void TryMlp(int l)
    {
        var column = model.Graph.MlpColumn(l);
        foreach (var chunk in Wanted(column).Chunk(l == model.Graph.Layers - 1 ? lastTrialsTogether : trialsTogether))
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
        Mix(from, clean.Layers[l].KeptMlpStream, l == model.Graph.Layers - 1 ? lastSources : sources, stream);
        var output = ForwardPass.RunMlp(model, pass, l, stream);
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
        foreach (var chunk in Wanted(model.Graph.LogitsColumn).Chunk(lastTrialsTogether))
        {
            Score(layers, chunk, (layout, pass) =>
            {
                Mix(chunk, clean.LastStream, lastSources, pass.LastStream);
                ForwardPass.RunFromLayer(model, layout, inputs.Prefix, pass, layers);
            });
        }
    }

    private IEnumerable<EdgeId> Wanted(ColumnId column) => model.Graph.InEdges(column).Where(wanted);

    /// <summary>The activations of some trials that start in layer l; from the last layer on with one row a sequence.</summary>
    private Activations Trial(int l, int count) => l >= model.Graph.Layers - 1
        ? trials.First(count * batch.Sequences, count * batch.Sequences)
        : trials.First(count * batch.Rows, count * batch.Sequences);

    private Tensor TrialStream(int l, int count) => l >= model.Graph.Layers - 1
        ? trials.LastStream.RowRange(0, count * batch.Sequences)
        : trials.Stream.RowRange(0, count * batch.Rows);

    /// <summary>The layout of so many trials. The last layer, once its keys and values are known, needs none.</summary>
    private PassLayout Layout(int l, int count)
    {
        if (l >= model.Graph.Layers - 1) return inputs.Layout;
        if (trialLayout.Points != count)
        {
            arena.Release(layoutMark);
            trialLayout = new PassLayout(model.Device, arena, measuring: false, batch, count);
        }
        return trialLayout;
    }

    private Tensor CleanStreamAfter(int l) => l == model.Graph.Layers - 1 ? clean.LastStream : clean.Layers[l + 1].KeptAttentionStream;

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
        var (device, c, w, last) = (model.Device, model.Config, model.Layers[l], l == model.Graph.Layers - 1);
        Mix([model.Graph.Edge(source, model.Graph.HeadColumn(l, InputKind.Query, 0))], clean.Layers[l].KeptAttentionStream, sources, mixed);
        device.NormForward(mixed, w.AttentionScale, w.AttentionShift, c.NormEpsilon, model.Centred, normed, default, default);
        if (last)
        {
            Multiply(normed, projection.ColumnRange(c.QueryWidth, 2 * c.KeyWidth), c.QueryWidth);
            device.GatherRows(normed, inputs.Layout.LastRows, 1, lastNormed);
            Multiply(lastNormed, lastQuery, 0);
        }
        else
        {
            Multiply(normed, projection, 0);
        }

        void Multiply(Tensor x, Tensor y, int first) => device.Multiply(w.Projection, WeightSide.Forward, x, y,
            w.ProjectionBias.IsNone ? default : w.ProjectionBias.ColumnRange(first, y.Columns), n0: first);
    }

    /// <summary>Δ of the attention contexts when all heads take <paramref name="input"/> from the last projection, and the rest from the clean run.</summary>
    private void Attend(int l, InputKind input)
    {
        var (device, c, layout, a, last) = (model.Device, model.Config, inputs.Layout, clean.Layers[l], l == model.Graph.Layers - 1);
        var (q, k, v) = (a.RotatedQuery, a.RotatedKey, a.Value);
        switch (input)
        {
            case InputKind.Query:
                q = last ? lastQuery : projection.ColumnRange(0, c.QueryWidth);
                q = Rotate(q, last ? layout.LastPositions : layout.Positions, rotatedQuery.RowRange(0, q.Rows));
                break;
            case InputKind.Key:
                k = Rotate(projection.ColumnRange(c.QueryWidth, c.KeyWidth), layout.Positions, rotatedKey);
                break;
            default:
                v = projection.ColumnRange(c.QueryWidth + c.KeyWidth, c.KeyWidth);
                break;
        }
        var context = contexts[(int)input].RowRange(0, q.Rows);
        device.AttentionForward(last ? layout.LastQuery : layout.All, model.Attention, q, k, v, inputs.Prefix.Keys[l], inputs.Prefix.Values[l],
            context, normalizers.RowRange(0, q.Rows));
        device.AddScaled(a.Context, -1, context);
    }

    private Tensor Rotate(Tensor x, Indices positions, Tensor y)
    {
        if (model.Config.Rotary is null) return x;
        model.Device.Rotary(x, positions, model.Cosines, model.Sines, model.Config.HeadDim, inverse: false, y);
        return y;
    }

    /// <summary>Loss of each trial − loss of the clean run, for trials that start in layer l; they come again with other sources.</summary>
    private void Score(int l, EdgeId[] edges, Action<PassLayout, Activations> run)
    {
        var results = new double[edges.Length * batch.Sequences];
        var (layout, pass) = (Layout(l, edges.Length), Trial(l, edges.Length));
        model.Device.Repeatable(() =>
        {
            run(layout, pass);
            RunMetric(pass.Final.RowRange(0, results.Length));
        });
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
        model.Device.Download(values.Pointer, MemoryMarshal.AsBytes(floats.AsSpan()));
        for (var i = 0; i < floats.Length; i++) destination[i] = floats[i];
    }
}
