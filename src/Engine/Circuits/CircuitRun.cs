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
/// (<see cref="CircuitInputs"/>), and only columns with an in-edge; columns with equal in-edges share one norm. Circuits are taken
/// several at a time: their distinct nodes (<see cref="CircuitProgram"/>) are computed side by side as rows of the same products. In a
/// circuit of neurons the differences are zero in the columns outside it. The corrupted run is made once for all circuits; under
/// another ablation than patching its place is taken by a run whose stream is the sum of the ablated outputs, positions and output biases.
/// </summary>
internal sealed class CircuitRun
{
    /// <summary>Rows of different inputs that are mixed and normed together.</summary>
    private const int RowsMixedTogether = 2048;

    /// <summary>Most circuits that are computed side by side.</summary>
    private const int MostCircuits = 32;

    private readonly Transformer model;
    private readonly Batch batch;
    private readonly PassLayout layout;
    private readonly PrefixCache prefix;
    private readonly BatchInputs batchInputs;
    private readonly MetricHead metric;
    private readonly Activations corrupted;
    private readonly Activations clean;
    private readonly Tensor values;

    // Differences current − corrupted of the nodes held: on all rows, and on each sequence's last row.
    private readonly int nodesHeld;
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
    private readonly Tensor normalizers;
    private readonly Tensor mixed;
    private readonly Tensor hidden;
    private readonly Tensor gate;
    private readonly Tensor neuronRow;
    private readonly Indices neuronRows;
    private readonly int inputsTogether;
    private readonly nint offsetMemory;
    private readonly nint listMemory;

    /// <summary>Lays out a run that holds the nodes of <paramref name="circuitsTogether"/> circuits, if they share none.</summary>
    public CircuitRun(Transformer model, Arena arena, bool measuring, Batch batch, MetricKind kind, AblationTable? table, int circuitsTogether)
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
        nodesHeld = checked(graph.Sources * circuitsTogether);
        sources = arena.Matrix(checked(nodesHeld * rows), c.Width);
        lastSources = arena.Matrix(checked(nodesHeld * sequences), c.Width);
        query = arena.Matrix(rows, c.QueryWidth);
        key = arena.Matrix(rows, c.QueryWidth);
        value = arena.Matrix(rows, c.QueryWidth);
        lastQuery = arena.Matrix(sequences, c.QueryWidth);
        lastContext = arena.Matrix(sequences, c.QueryWidth);
        context = arena.Matrix(rows, c.QueryWidth);
        normalizers = arena.Matrix(rows, 2 * c.Heads);
        inputsTogether = Math.Max(3 * c.Heads, circuitsTogether);
        mixed = arena.Matrix(Math.Clamp(RowsMixedTogether / rows, 1, inputsTogether) * rows, c.Width);
        hidden = arena.Matrix(circuitsTogether * rows, c.MlpWidth);
        gate = arena.Matrix(hidden.Rows, c.Activation == Activation.SwiGlu ? 2 * c.MlpWidth : 1);
        offsetMemory = arena.Integers(inputsTogether + 1);
        listMemory = arena.Integers(checked((long)inputsTogether * graph.Sources));
    }

    /// <summary>The bytes that a run of this shape takes.</summary>
    public static long Measure(Transformer model, Batch batch, MetricKind kind, AblationTable? table, int circuitsTogether)
    {
        var arena = Arena.Measuring();
        _ = new CircuitRun(model, arena, measuring: true, batch, kind, table, circuitsTogether);
        return arena.Peak;
    }

    /// <summary>
    /// How many of <paramref name="circuits"/> circuits are best computed side by side within a budget, and the bytes that this takes: as
    /// many as make up <see cref="Device.EnoughRows"/>. Results do not depend on it.
    /// </summary>
    public static (int Together, long Bytes) Largest(Transformer model, Batch batch, MetricKind kind, AblationTable? table, int circuits, long budget)
    {
        for (var together = Math.Clamp(model.Device.EnoughRows / batch.Rows, 1, Math.Clamp(circuits, 1, MostCircuits)); ; together /= 2)
        {
            var bytes = Measure(model, batch, kind, table, together);
            if (bytes <= budget || together == 1) return (together, bytes);
        }
    }

    /// <summary>Runs the clean and the corrupted (or ablated) prompts, and reads their metrics.</summary>
    public void RunEnds(Span<double> cleanValues, Span<double> corruptedValues)
    {
        RunEnd(batchInputs.Clean, clean, hook: null);
        metric.SetReference(clean.Final);
        Read(clean.Final, cleanValues);
        RunEnd(batchInputs.Ablated, corrupted, batchInputs.Ablation);
        Read(corrupted.Final, corruptedValues);
        for (var l = 0; l < last.Length; l++) last[l].Gather(model.Device, corrupted.Layers[l], layout.LastRows);
    }

    // The same in every micro-batch.
    private void RunEnd(Tensor input, Activations activations, PassHook? hook) => model.Device.Repeatable(() =>
    {
        batchInputs.Start(input, activations);
        ForwardPass.Run(model, layout, prefix, activations, hook);
    });

    /// <summary>
    /// The metric of every example with everything outside a circuit ablated, for each of <paramref name="circuits"/>: handed to
    /// <paramref name="done"/> with the circuit's number, in order; valid during the call.
    /// </summary>
    public void Evaluate(IReadOnlyList<Circuit> circuits, Action<int, double[]> done, CancellationToken cancellation = default)
    {
        var patching = batchInputs.Ablation is null;
        var metrics = new double[batch.Sequences];
        var first = 0;
        foreach (var group in CircuitProgram.Cut(circuits.Select(circuit => new CircuitInputs(circuit, patching)), nodesHeld))
        {
            var program = new CircuitProgram(model.Graph, group);
            Run(program, cancellation);
            var together = Math.Min(inputsTogether, mixed.Rows / batch.Sequences);
            for (var start = 0; start < group.Count; start += together)
            {
                int[][] lists = [.. program.Logits.Skip(start).Take(together)];
                var final = mixed.RowRange(0, lists.Length * batch.Sequences);
                model.Device.MixNormed(Mix(corrupted.LastStream, lastSources, lists, model.FinalScale, model.FinalShift), final);
                for (var i = 0; i < lists.Length; i++)
                {
                    Read(final.RowRange(i * batch.Sequences, batch.Sequences), metrics);
                    done(first + start + i, metrics);
                }
            }
            first += group.Count;
        }
    }

    private void Run(CircuitProgram program, CancellationToken cancellation)
    {
        var (start, inputEnd) = program.Stage(0);
        for (var place = start; place < inputEnd; place++)
        {
            model.Device.Subtract(batchInputs.Clean, batchInputs.Ablated, Source(place));
            Finish(program.Nodes[place], place);
        }
        for (var l = 0; l < model.Graph.Layers; l++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (first, end) = program.Stage(ModelGraph.HeadsStage(l));
            for (; first < end; first += model.Config.Heads) Heads(l, program, first, Math.Min(model.Config.Heads, end - first));
            (first, end) = program.Stage(ModelGraph.MlpStage(l));
            for (; first < end; first += Mlp(l, program, first, end)) { }
        }
    }

    private void Read(Tensor y, Span<double> destination)
    {
        metric.Run(y, values, default);
        var floats = new float[batch.Sequences];
        model.Device.Download(values.Pointer, MemoryMarshal.AsBytes(floats.AsSpan()));
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }

    private Tensor Source(int place) => sources.RowRange(place * batch.Rows, batch.Rows);

    private Tensor LastSource(int place) => lastSources.RowRange(place * batch.Sequences, batch.Sequences);

    /// <summary>At most as many head nodes as a layer has, from place <paramref name="start"/> on; those needed on all rows come first.</summary>
    private void Heads(int l, CircuitProgram program, int start, int count)
    {
        var (device, c, a) = (model.Device, model.Config, corrupted.Layers[l]);
        var nodes = new ProgramNode[count];
        for (var i = 0; i < count; i++) nodes[i] = program.Nodes[start + i];

        // Keys and values: the corrupted run's, and over them the columns that the circuits feed.
        for (var i = 0; i < count; i++)
        {
            var shared = Head(nodes[i]) / c.Group;
            device.Copy(Columns(a.Key, shared, 1), Columns(key, i, 1));
            device.Copy(Columns(a.Value, shared, 1), Columns(value, i, 1));
        }
        Project(l, a.KeptAttentionStream, sources, nodes, 0, count, [(InputKind.Key, key), (InputKind.Value, value)]);
        if (c.Rotary is not null) Rotate(Columns(key, 0, count), layout.Positions);

        var everywhere = nodes.Count(node => node.OnAllRows);
        if (everywhere > 0) Attend(l, layout.All, layout.Positions, a.KeptAttentionStream, sources, a.Query, a.Context, nodes, 0, everywhere, query, context);
        if (everywhere < count)
        {
            Attend(l, layout.LastQuery, layout.LastPositions, last[l].AttentionStream, lastSources, last[l].Query, last[l].Context, nodes, everywhere, count - everywhere,
                lastQuery, lastContext);
        }
        for (var i = 0; i < count; i++)
        {
            var (z, to) = i < everywhere ? (context, Source(start + i)) : (lastContext, LastSource(start + i));
            device.Multiply(model.Layers[l].Output, WeightSide.Forward, Columns(z, i, 1), to, k0: Head(nodes[i]) * c.HeadDim);
            Finish(nodes[i], start + i);
        }
    }

    /// <summary>z = context of some nodes minus the corrupted run's: their queries mixed, projected and rotated, then attention.</summary>
    private void Attend(int l, Ragged rows, Indices positions, Tensor baseline, Tensor from, Tensor corruptedQuery, Tensor corruptedContext,
        ProgramNode[] nodes, int start, int count, Tensor q, Tensor z)
    {
        var device = model.Device;
        foreach (var (first, heads, head) in Neighbours(nodes, start, count)) device.Copy(Columns(corruptedQuery, head, heads), Columns(q, first, heads));
        Project(l, baseline, from, nodes, start, count, [(InputKind.Query, q)]);
        if (model.Config.Rotary is not null) Rotate(Columns(q, start, count), positions);
        foreach (var (first, heads, keyHead, keyHeads) in OfPrefix(l, nodes, start, count))
        {
            device.AttentionForward(rows, model.Attention with { Heads = heads, SuffixGroup = 1, PrefixGroup = heads / keyHeads },
                Columns(q, first, heads), Columns(key, first, heads), Columns(value, first, heads), Columns(prefix.Keys[l], keyHead, keyHeads),
                Columns(prefix.Values[l], keyHead, keyHeads), Columns(z, first, heads), normalizers.RowRange(0, q.Rows).ColumnRange(2 * first, 2 * heads));
        }
        foreach (var (first, heads, head) in Neighbours(nodes, start, count)) device.AddScaled(Columns(corruptedContext, head, heads), -1, Columns(z, first, heads));
    }

    /// <summary>Places in the chunk whose heads are neighbours in the model too.</summary>
    private IEnumerable<(int First, int Count, int Head)> Neighbours(ProgramNode[] nodes, int start, int count)
    {
        var first = start;
        for (var i = start + 1; i <= start + count; i++)
        {
            if (i < start + count && Head(nodes[i]) == Head(nodes[i - 1]) + 1) continue;
            yield return (first, i - first, Head(nodes[first]));
            first = i;
        }
    }

    /// <summary>Places whose keys and values in the prefix one operation can address: all where there is no prefix, one shared head's, or neighbours'.</summary>
    private IEnumerable<(int First, int Count, int KeyHead, int KeyHeads)> OfPrefix(int l, ProgramNode[] nodes, int start, int count)
    {
        var group = model.Config.Group;
        if (prefix.Keys[l].IsNone) return [(start, count, 0, count)];
        if (group == 1) return Neighbours(nodes, start, count).Select(n => (n.First, n.Count, n.Head, n.Count));
        return Enumerable.Range(start, count).GroupBy(i => Head(nodes[i]) / group).SelectMany(shared => Runs([.. shared]).Select(run => (run.First, run.Count, shared.Key, 1)));

        static IEnumerable<(int First, int Count)> Runs(int[] places)
        {
            var first = 0;
            for (var i = 1; i <= places.Length; i++)
            {
                if (i < places.Length && places[i] == places[i - 1] + 1) continue;
                yield return (places[first], i - first);
                first = i;
            }
        }
    }

    private int Head(ProgramNode node) => model.Graph.PlaceOf(node.Source).Head;

    private Tensor Columns(Tensor x, int firstHead, int heads) => x.IsNone ? x : x.ColumnRange(firstHead * model.Config.HeadDim, heads * model.Config.HeadDim);

    private void Rotate(Tensor x, Indices positions) =>
        model.Device.Rotary(x, positions, model.Cosines, model.Sines, model.Config.HeadDim, inverse: false, x);

    /// <summary>Projects the mixed inputs of all fed columns of some nodes into their places.</summary>
    private void Project(int l, Tensor baseline, Tensor from, ProgramNode[] nodes, int start, int count, ReadOnlySpan<(InputKind Kind, Tensor To)> kinds)
    {
        var (c, w) = (model.Config, model.Layers[l]);
        var columns = new List<(InputKind Kind, int Place, Tensor To)>();
        foreach (var (kind, to) in kinds)
        {
            for (var i = start; i < start + count; i++)
            {
                if (nodes[i].Inputs((int)kind).Length > 0) columns.Add((kind, i, to));
            }
        }
        if (columns.Count == 0) return;
        var groups = columns.GroupBy(column => nodes[column.Place].Inputs((int)column.Kind), ListComparer.Instance).ToArray();
        var products = new List<MixedProduct>();
        for (var g = 0; g < groups.Length; g++)
        {
            foreach (var (kind, place, heads, to) in Joined(nodes, groups[g]))
            {
                var head = Head(nodes[place]);
                var first = kind switch
                {
                    InputKind.Query => head * c.HeadDim,
                    InputKind.Key => c.QueryWidth + head / c.Group * c.HeadDim,
                    _ => c.QueryWidth + c.KeyWidth + head / c.Group * c.HeadDim,
                };
                var bias = w.ProjectionBias.IsNone ? default : w.ProjectionBias.ColumnRange(first, heads * c.HeadDim);
                products.Add(new(g, first, Columns(to, place, heads), bias));
            }
        }
        model.Device.MultiplyMixed(Mix(baseline, from, [.. groups.Select(g => g.Key)], w.AttentionScale, w.AttentionShift), w.Projection, [.. products], mixed);
    }

    /// <summary>Joins columns of one kind that are neighbours here and in the model, so that they are one product. Shared key heads stay apart.</summary>
    private IEnumerable<(InputKind Kind, int Place, int Heads, Tensor To)> Joined(ProgramNode[] nodes, IEnumerable<(InputKind Kind, int Place, Tensor To)> columns)
    {
        (InputKind Kind, int Place, int Heads, Tensor To)? open = null;
        foreach (var (kind, place, to) in columns)
        {
            if (open is { } o && o.Kind == kind && o.Place + o.Heads == place && Head(nodes[place]) == Head(nodes[place - 1]) + 1
                && (kind == InputKind.Query || model.Config.Group == 1))
            {
                open = o with { Heads = o.Heads + 1 };
                continue;
            }
            if (open is { } done) yield return done;
            open = (kind, place, 1, to);
        }
        if (open is { } rest) yield return rest;
    }

    /// <summary>Nodes of an MLP from place <paramref name="start"/> on, all of them needed in the same rows; returns how many.</summary>
    private int Mlp(int l, CircuitProgram program, int start, int end)
    {
        var (device, c, w, a) = (model.Device, model.Config, model.Layers[l], corrupted.Layers[l]);
        var everywhere = program.Nodes[start].OnAllRows;
        var (stream, output, from) = everywhere ? (a.KeptMlpStream, a.KeptMlpOutput, sources) : (last[l].MlpStream, last[l].MlpOutput, lastSources);
        var most = Math.Clamp(Math.Min(hidden.Rows, mixed.Rows) / stream.Rows, 1, inputsTogether);
        ProgramNode[] nodes = [.. program.Nodes.Skip(start).Take(Math.Min(most, end - start)).TakeWhile(node => node.OnAllRows == everywhere)];
        var rows = nodes.Length * stream.Rows;
        var (y, h) = (mixed.RowRange(0, rows), hidden.RowRange(0, rows));
        device.MixNormed(Mix(stream, from, [.. nodes.Select(node => node.Inputs(0))], w.MlpScale, w.MlpShift), y);
        if (c.Activation == Activation.SwiGlu) device.Multiply(w.Up, WeightSide.Forward, y, gate.RowRange(0, rows), w.UpBias, Epilogue.SwiGlu(h));
        else device.Multiply(w.Up, WeightSide.Forward, y, h, w.UpBias, Epilogue.Gelu(default));
        device.Multiply(w.Down, WeightSide.Forward, h, from.RowRange(start * stream.Rows, rows), w.DownBias);
        for (var i = 0; i < nodes.Length; i++)
        {
            device.AddScaled(output, -1, from.RowRange((start + i) * stream.Rows, stream.Rows));
            Finish(nodes[i], start + i);
        }
        return nodes.Length;
    }

    /// <summary>
    /// Clears the columns of a node's difference that a circuit of neurons does not carry, and takes its last rows from all rows where these
    /// were computed. Needs the memory of the mixed inputs.
    /// </summary>
    private void Finish(ProgramNode node, int place)
    {
        var isInput = node.Source == ModelGraph.InputNode;
        var difference = node.OnAllRows || isInput ? Source(place) : LastSource(place);
        if (node.Neurons is { } neurons)
        {
            var row = new float[difference.Columns];
            for (var c = 0; c < row.Length; c++) row[c] = neurons.Contains(node.Source, c) ? 1 : 0;
            model.Device.Upload(MemoryMarshal.AsBytes(row.AsSpan()), neuronRow.Pointer);
            var mask = mixed.RowRange(0, difference.Rows);
            model.Device.GatherRows(neuronRow, neuronRows with { Count = mask.Rows }, 1, mask);
            model.Device.MultiplyElements(difference, mask, difference);
        }
        if (node.OnAllRows || isInput) model.Device.GatherRows(difference, layout.LastRows, 1, LastSource(place));
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
}
