using System.Runtime.InteropServices;
using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// One micro-batch of circuit evaluations (method.md §6): x_v = x_v(corrupted) + Σ_{u: (u,v) in circuit} (z_u(current) − z_u(corrupted)),
/// in topological order, on the suffix rows only. Only live nodes are computed, only in the rows where they are read
/// (<see cref="CircuitInputs"/>), and only columns with an in-edge; columns with equal in-edges share one norm. In a circuit of
/// neurons the differences are zero in the columns outside it. The corrupted run
/// is made once for all circuits; under another ablation than patching its place is taken by a run whose stream is the sum of the
/// ablated outputs, positions and output biases.
/// </summary>
internal sealed class CircuitRun
{
    /// <summary>Rows of different columns that are mixed and normed together.</summary>
    private const int RowsMixedTogether = 2048;

    private readonly Transformer model;
    private readonly Batch batch;
    private readonly PassLayout layout;
    private readonly PrefixCache prefix;
    private readonly BatchInputs batchInputs;
    private readonly MetricHead metric;
    private readonly Activations corrupted;
    private readonly Activations clean;
    private readonly Tensor values;

    // Differences current − corrupted of every source: on all rows, and on each sequence's last row.
    private readonly Tensor sources;
    private readonly Tensor lastSources;

    // The corrupted run in each sequence's last row, per layer.
    private readonly LastRows[] last;

    // The layer being computed.
    private readonly Tensor query;
    private readonly Tensor key;
    private readonly Tensor value;
    private readonly Tensor lastQuery;
    private readonly Tensor lastContext;
    private readonly Tensor context;
    private readonly Tensor logSumExp;
    private readonly Tensor mixed;
    private readonly Tensor hidden;
    private readonly Tensor gate;
    private readonly Tensor neuronRow;
    private readonly Indices neuronRows;
    private readonly nint offsetMemory;
    private readonly nint listMemory;

    public CircuitRun(Transformer model, Arena arena, bool measuring, Batch batch, MetricKind kind, AblationTable? table)
    {
        this.model = model;
        this.batch = batch;
        var (c, device, graph) = (model.Config, model.Device, model.Graph);
        var (rows, sequences) = (batch.Rows, batch.Sequences);
        batchInputs = new BatchInputs(model, arena, measuring, batch, table);
        (layout, prefix) = (batchInputs.Layout, batchInputs.Prefix);
        metric = new MetricHead(model, arena, measuring, batch.Examples, kind, 1, gradient: false);
        values = arena.Matrix(sequences, 1);
        corrupted = new Activations(arena, c, rows, sequences);
        for (var l = 0; l < c.Layers; l++)
        {
            var queries = l == c.Layers - 1 ? sequences : rows;
            corrupted.Layers[l].KeptAttentionStream = arena.Matrix(rows, c.Width);
            corrupted.Layers[l].KeptMlpStream = arena.Matrix(queries, c.Width);
            corrupted.Layers[l].KeptMlpOutput = arena.Matrix(queries, c.Width);
        }
        last = [.. Enumerable.Range(0, c.Layers).Select(l => new LastRows(arena, c, sequences, corrupted.Layers[l], l == c.Layers - 1))];
        neuronRow = arena.Matrix(1, c.Width);
        var neuronMemory = arena.Integers(rows);
        if (!measuring) neuronRows = device.Upload(new int[rows], neuronMemory);

        var mark = arena.Mark();
        clean = new Activations(arena, c, rows, sequences, keepLayers: false);
        arena.Release(mark); // the clean run is done before anything below is used
        sources = arena.Matrix(checked(graph.Sources * rows), c.Width);
        lastSources = arena.Matrix(graph.Sources * sequences, c.Width);
        query = arena.Matrix(rows, c.QueryWidth);
        key = arena.Matrix(rows, c.QueryWidth);
        value = arena.Matrix(rows, c.QueryWidth);
        lastQuery = arena.Matrix(sequences, c.QueryWidth);
        lastContext = arena.Matrix(sequences, c.QueryWidth);
        context = arena.Matrix(rows, c.QueryWidth);
        logSumExp = arena.Matrix(rows, c.Heads);
        var together = Math.Clamp(RowsMixedTogether / rows, 1, 3 * c.Heads);
        mixed = arena.Matrix(together * rows, c.Width);
        hidden = arena.Matrix(rows, c.MlpWidth);
        gate = arena.Matrix(rows, c.Activation == Activation.SwiGlu ? 2 * c.MlpWidth : 1);
        offsetMemory = arena.Integers(3 * c.Heads + 1);
        listMemory = arena.Integers(3L * c.Heads * graph.Sources);
    }

    /// <summary>The bytes that a run of this shape takes.</summary>
    public static long Measure(Transformer model, Batch batch, MetricKind kind, AblationTable? table)
    {
        var arena = Arena.Measuring();
        _ = new CircuitRun(model, arena, measuring: true, batch, kind, table);
        return arena.Peak;
    }

    /// <summary>Runs the clean and the corrupted (or ablated) prompts, and reads their metrics.</summary>
    public void RunEnds(Span<double> cleanValues, Span<double> corruptedValues)
    {
        batchInputs.Start(batchInputs.Clean, clean);
        ForwardPass.Run(model, layout, prefix, clean);
        metric.SetReference(clean.Final);
        Read(clean.Final, cleanValues);
        batchInputs.Start(batchInputs.Ablated, corrupted);
        ForwardPass.Run(model, layout, prefix, corrupted, batchInputs.Ablation);
        Read(corrupted.Final, corruptedValues);
        for (var l = 0; l < last.Length; l++) last[l].Gather(model.Device, corrupted.Layers[l], layout.LastRows);
    }

    /// <summary>The metric of every example with everything outside <paramref name="circuit"/> ablated.</summary>
    public void Evaluate(Circuit circuit, Span<double> destination)
    {
        var (device, graph) = (model.Device, model.Graph);
        var inputs = new CircuitInputs(circuit, patching: batchInputs.Ablation is null);
        if (inputs.IsLive(0))
        {
            device.Subtract(batchInputs.Clean, batchInputs.Ablated, Source(0));
            Restrict(inputs, 0, Source(0));
            device.GatherRows(Source(0), layout.LastRows, 1, LastSource(0));
        }
        for (var l = 0; l < graph.Layers; l++)
        {
            Heads(l, inputs);
            Mlp(l, inputs);
        }
        var final = mixed.RowRange(0, batch.Sequences);
        device.MixNormed(Mix(corrupted.LastStream, lastSources, [inputs.Of(graph.LogitsColumn)], model.FinalScale, model.FinalShift), final);
        Read(final, destination);
    }

    private void Read(Tensor y, Span<double> destination)
    {
        metric.Run(y, values, default);
        var floats = new float[batch.Sequences];
        model.Device.Download(values.Pointer, MemoryMarshal.AsBytes(floats.AsSpan()));
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }

    private Tensor Source(int node) => sources.RowRange(node * batch.Rows, batch.Rows);

    private Tensor LastSource(int node) => lastSources.RowRange(node * batch.Sequences, batch.Sequences);

    private void Heads(int l, CircuitInputs inputs)
    {
        var (device, c, graph, a) = (model.Device, model.Config, model.Graph, corrupted.Layers[l]);
        var live = Enumerable.Range(0, c.Heads).Where(h => inputs.IsLive(graph.HeadNode(l, h))).ToArray();
        if (live.Length == 0) return;

        // Keys and values: the corrupted run's, and over them the columns that the circuit feeds.
        foreach (var (first, count) in Ranges(live))
        {
            for (var h = first; h < first + count; h++)
            {
                device.Copy(a.Key.ColumnRange(h / c.Group * c.HeadDim, c.HeadDim), Columns(key, h, 1));
                device.Copy(a.Value.ColumnRange(h / c.Group * c.HeadDim, c.HeadDim), Columns(value, h, 1));
            }
        }
        Project(l, a.KeptAttentionStream, sources, inputs, live, [(InputKind.Key, key), (InputKind.Value, value)]);
        if (c.Rotary is not null)
        {
            foreach (var (first, count) in Ranges(live)) Rotate(Columns(key, first, count), layout.Positions);
        }

        var everywhere = live.Where(h => inputs.OnAllRows(graph.HeadNode(l, h))).ToArray();
        if (everywhere.Length > 0)
        {
            Attend(l, layout.All, layout.Positions, a.KeptAttentionStream, sources, a.Query, a.Context, inputs, everywhere, query, context);
            foreach (var h in everywhere)
            {
                var node = graph.HeadNode(l, h);
                AddOutput(l, h, context, Source(node));
                Restrict(inputs, node, Source(node));
                device.GatherRows(Source(node), layout.LastRows, 1, LastSource(node));
            }
        }
        var inLastRow = live.Except(everywhere).ToArray();
        if (inLastRow.Length == 0) return;
        Attend(l, layout.LastQuery, layout.LastPositions, last[l].AttentionStream, lastSources, last[l].Query, last[l].Context, inputs, inLastRow, lastQuery, lastContext);
        foreach (var h in inLastRow)
        {
            var node = graph.HeadNode(l, h);
            AddOutput(l, h, lastContext, LastSource(node));
            Restrict(inputs, node, LastSource(node));
        }
    }

    /// <summary>z = context of the given heads minus the corrupted run's: their queries mixed, projected and rotated, then attention.</summary>
    private void Attend(int l, Ragged rows, Indices positions, Tensor baseline, Tensor from, Tensor corruptedQuery, Tensor corruptedContext,
        CircuitInputs inputs, int[] heads, Tensor q, Tensor z)
    {
        var (device, group) = (model.Device, model.Config.Group);
        foreach (var (first, count) in Ranges(heads)) device.Copy(Columns(corruptedQuery, first, count), Columns(q, first, count));
        Project(l, baseline, from, inputs, heads, [(InputKind.Query, q)]);
        foreach (var (first, count) in Ranges(heads))
        {
            Tensor queries = Columns(q, first, count), contexts = Columns(z, first, count);
            if (model.Config.Rotary is not null) Rotate(queries, positions);
            device.AttentionForward(rows, model.Attention with { Heads = count, SuffixGroup = 1 }, queries, Columns(key, first, count), Columns(value, first, count),
                Columns(prefix.Keys[l], first / group, count / group), Columns(prefix.Values[l], first / group, count / group), contexts,
                logSumExp.RowRange(0, q.Rows).ColumnRange(first, count));
            device.AddScaled(Columns(corruptedContext, first, count), -1, contexts);
        }
    }

    /// <summary>Neighbouring heads together, in whole groups that share a key head.</summary>
    private IEnumerable<(int First, int Count)> Ranges(int[] heads)
    {
        var group = model.Config.Group;
        var (first, end) = (-1, -1);
        foreach (var h in heads)
        {
            var start = h / group * group;
            if (start > end || first < 0)
            {
                if (first >= 0) yield return (first, end - first);
                first = start;
            }
            end = start + group;
        }
        if (first >= 0) yield return (first, end - first);
    }

    private Tensor Columns(Tensor x, int firstHead, int heads) => x.IsNone ? x : x.ColumnRange(firstHead * model.Config.HeadDim, heads * model.Config.HeadDim);

    private void AddOutput(int l, int head, Tensor z, Tensor to)
    {
        var first = head * model.Config.HeadDim;
        model.Device.Multiply(model.Layers[l].Output, WeightSide.Forward, z.ColumnRange(first, model.Config.HeadDim), to, k0: first);
    }

    private void Rotate(Tensor x, Indices positions) =>
        model.Device.Rotary(x, positions, model.Cosines, model.Sines, model.Config.HeadDim, inverse: false, x);

    /// <summary>Projects the mixed inputs of all fed columns of the live heads into their places.</summary>
    private void Project(int l, Tensor baseline, Tensor from, CircuitInputs inputs, int[] live, ReadOnlySpan<(InputKind Kind, Tensor To)> kinds)
    {
        var (c, w) = (model.Config, model.Layers[l]);
        var columns = new List<(InputKind Kind, int Head, Tensor To)>();
        foreach (var (kind, to) in kinds)
        {
            foreach (var h in live)
            {
                if (inputs.Of(model.Graph.HeadColumn(l, kind, h)).Length > 0) columns.Add((kind, h, to));
            }
        }
        if (columns.Count == 0) return;
        var groups = columns.GroupBy(column => inputs.Of(model.Graph.HeadColumn(l, column.Kind, column.Head)), ListComparer.Instance).ToArray();
        var products = new List<MixedProduct>();
        for (var g = 0; g < groups.Length; g++)
        {
            foreach (var (kind, head, count, to) in Runs(groups[g]))
            {
                var first = kind switch
                {
                    InputKind.Query => head * c.HeadDim,
                    InputKind.Key => c.QueryWidth + head / c.Group * c.HeadDim,
                    _ => c.QueryWidth + c.KeyWidth + head / c.Group * c.HeadDim,
                };
                var bias = w.ProjectionBias.IsNone ? default : w.ProjectionBias.ColumnRange(first, count * c.HeadDim);
                products.Add(new(g, first, Columns(to, head, count), bias));
            }
        }
        model.Device.MultiplyMixed(Mix(baseline, from, [.. groups.Select(g => g.Key)], w.AttentionScale, w.AttentionShift), w.Projection, [.. products], mixed);
    }

    /// <summary>Joins neighbouring heads of one kind, so that they are one product. Shared key heads stay apart.</summary>
    private IEnumerable<(InputKind Kind, int Head, int Count, Tensor To)> Runs(IEnumerable<(InputKind Kind, int Head, Tensor To)> columns)
    {
        (InputKind Kind, int Head, int Count, Tensor To)? open = null;
        foreach (var (kind, head, to) in columns)
        {
            if (open is { } o && o.Kind == kind && o.Head + o.Count == head && (kind == InputKind.Query || model.Config.Group == 1))
            {
                open = o with { Count = o.Count + 1 };
                continue;
            }
            if (open is { } done) yield return done;
            open = (kind, head, 1, to);
        }
        if (open is { } rest) yield return rest;
    }

    private void Mlp(int l, CircuitInputs inputs)
    {
        var (device, c, w, a) = (model.Device, model.Config, model.Layers[l], corrupted.Layers[l]);
        var node = model.Graph.MlpNode(l);
        if (!inputs.IsLive(node)) return;
        var everywhere = inputs.OnAllRows(node);
        var (stream, output) = everywhere ? (a.KeptMlpStream, a.KeptMlpOutput) : (last[l].MlpStream, last[l].MlpOutput);
        var (rows, delta) = (stream.Rows, everywhere ? Source(node) : LastSource(node));
        var (y, h) = (mixed.RowRange(0, rows), hidden.RowRange(0, rows));
        device.MixNormed(Mix(stream, everywhere ? sources : lastSources, [inputs.Of(model.Graph.MlpColumn(l))], w.MlpScale, w.MlpShift), y);
        if (c.Activation == Activation.SwiGlu) device.Multiply(w.Up, WeightSide.Forward, y, gate.RowRange(0, rows), w.UpBias, Epilogue.SwiGlu(h));
        else device.Multiply(w.Up, WeightSide.Forward, y, h, w.UpBias, Epilogue.Gelu(default));
        device.Multiply(w.Down, WeightSide.Forward, h, delta, w.DownBias);
        device.AddScaled(output, -1, delta);
        Restrict(inputs, node, delta);
        if (everywhere) device.GatherRows(delta, layout.LastRows, 1, LastSource(node));
    }

    /// <summary>Clears the columns of a node's difference that a circuit of neurons does not carry. Needs the memory of the mixed inputs.</summary>
    private void Restrict(CircuitInputs inputs, int node, Tensor difference)
    {
        if (inputs.Neurons is not { } neurons || neurons.HasAllOf(node)) return;
        var row = new float[difference.Columns];
        for (var c = 0; c < row.Length; c++) row[c] = neurons.Contains(node, c) ? 1 : 0;
        model.Device.Upload(MemoryMarshal.AsBytes(row.AsSpan()), neuronRow.Pointer);
        var mask = mixed.RowRange(0, difference.Rows);
        model.Device.GatherRows(neuronRow, neuronRows with { Count = mask.Rows }, 1, mask);
        model.Device.MultiplyElements(difference, mask, difference);
    }

    private NormedMix Mix(Tensor baseline, Tensor from, ReadOnlySpan<int[]> lists, Tensor scale, Tensor shift)
    {
        var offsets = new int[lists.Length + 1];
        for (var i = 0; i < lists.Length; i++) offsets[i + 1] = offsets[i] + lists[i].Length;
        var all = new int[offsets[^1]];
        for (var i = 0; i < lists.Length; i++) lists[i].CopyTo(all, offsets[i]);
        return new(baseline, from, model.Device.Upload(offsets, offsetMemory), model.Device.Upload(all, listMemory), scale, shift, model.Config.NormEpsilon, model.Centred);
    }

    /// <summary>The corrupted run of one layer in each sequence's last row; the last layer has no other rows after its keys and values.</summary>
    private sealed class LastRows
    {
        private readonly bool ofLastLayer;

        public LastRows(Arena arena, ModelConfig c, int sequences, LayerActivations a, bool ofLastLayer)
        {
            this.ofLastLayer = ofLastLayer;
            AttentionStream = arena.Matrix(sequences, c.Width);
            Query = ofLastLayer ? a.Query : arena.Matrix(sequences, c.QueryWidth);
            Context = ofLastLayer ? a.Context : arena.Matrix(sequences, c.QueryWidth);
            MlpStream = ofLastLayer ? a.KeptMlpStream : arena.Matrix(sequences, c.Width);
            MlpOutput = ofLastLayer ? a.KeptMlpOutput : arena.Matrix(sequences, c.Width);
        }

        public Tensor AttentionStream { get; }
        public Tensor Query { get; }
        public Tensor Context { get; }
        public Tensor MlpStream { get; }
        public Tensor MlpOutput { get; }

        public void Gather(Device device, LayerActivations a, Indices lastRows)
        {
            device.GatherRows(a.KeptAttentionStream, lastRows, 1, AttentionStream);
            if (ofLastLayer) return;
            device.GatherRows(a.Query, lastRows, 1, Query);
            device.GatherRows(a.Context, lastRows, 1, Context);
            device.GatherRows(a.KeptMlpStream, lastRows, 1, MlpStream);
            device.GatherRows(a.KeptMlpOutput, lastRows, 1, MlpOutput);
        }
    }

    private sealed class ListComparer : IEqualityComparer<int[]>
    {
        public static readonly ListComparer Instance = new();
        public bool Equals(int[]? a, int[]? b) => a.AsSpan().SequenceEqual(b);

        public int GetHashCode(int[] list)
        {
            var hash = new HashCode();
            hash.AddBytes(MemoryMarshal.AsBytes(list.AsSpan()));
            return hash.ToHashCode();
        }
    }
}
