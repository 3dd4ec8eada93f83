using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// One micro-batch of circuit evaluations (method.md §6): x_v = x_v(corrupted) + Σ_{u: (u,v) in circuit} (z_u(current) − z_u(corrupted)),
/// in topological order, on the suffix rows only. x_v(corrupted) is the <see cref="CorruptedRun"/>, made once for all circuits; the sum,
/// and what it is over, are <see cref="NodeDifferences"/>; z_u(current) of a node is computed by <see cref="CircuitHeads"/> and
/// <see cref="CircuitMlps"/>. Only live nodes are computed, only in the rows where they are read (<see cref="CircuitInputs"/>), and only
/// columns with an in-edge. Circuits are taken several at a time: their distinct nodes (<see cref="CircuitProgram"/>) are computed side
/// by side as rows of the same products. In a circuit of neurons the differences are zero in the columns outside it.
/// </summary>
internal sealed class CircuitRun
{
    /// <summary>Most circuits that are computed side by side.</summary>
    private const int MostCircuits = 32;

    private readonly Transformer model;
    private readonly Batch batch;
    private readonly BatchInputs inputs;
    private readonly MetricHead metric;
    private readonly CorruptedRun corrupted;
    private readonly Activations clean;
    private readonly Tensor values;
    private readonly SpanRows? spans;
    private readonly NodeDifferences differences;
    private readonly CircuitHeads heads;
    private readonly CircuitMlps mlps;

    /// <summary>Lays out a run that holds the nodes of <paramref name="circuitsTogether"/> circuits, if they share none; circuits over so many spans, or where that is 0 ordinary ones.</summary>
    public CircuitRun(Transformer model, Arena arena, bool measuring, Batch batch, MetricKind kind, AblationTable? table, int circuitsTogether, int spanCount = 0)
    {
        this.model = model;
        this.batch = batch;
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        metric = new MetricHead(model, arena, measuring, batch.Examples, kind, 1, gradient: false);
        values = arena.Matrix(batch.Sequences, 1);
        corrupted = new CorruptedRun(model, arena, inputs);
        var mark = arena.Mark();
        clean = new Activations(arena, model.Config, inputs.Layout.Rows, keepLayers: false);
        arena.Release(mark); // the clean run is done before anything below is used
        if (spanCount > 0) spans = new SpanRows(model, arena, measuring, batch, spanCount);
        differences = new NodeDifferences(model, arena, inputs.Layout, corrupted, circuitsTogether, spans);
        heads = new CircuitHeads(model, arena, inputs.Layout, inputs.Prefix, corrupted, differences);
        mlps = new CircuitMlps(model, arena, inputs.Layout, corrupted, differences, circuitsTogether);
    }

    /// <summary>The bytes that a run of this shape takes.</summary>
    public static long Measure(Transformer model, Batch batch, MetricKind kind, AblationTable? table, int circuitsTogether, int spanCount = 0)
    {
        var arena = Arena.Measuring();
        _ = new CircuitRun(model, arena, measuring: true, batch, kind, table, circuitsTogether, spanCount);
        return arena.Peak;
    }

    /// <summary>
    /// How many of <paramref name="circuits"/> circuits are best computed side by side within a budget, and the bytes that this takes: as
    /// many as make up <see cref="DeviceLimits.RowsOfBatch"/>. Results do not depend on it.
    /// </summary>
    public static (int Together, long Bytes) Largest(Transformer model, Batch batch, MetricKind kind, AblationTable? table, int circuits, long budget, int spanCount = 0)
    {
        for (var together = Math.Clamp(model.Device.Limits.RowsOfBatch / batch.Rows, 1, Math.Clamp(circuits, 1, MostCircuits)); ; together /= 2)
        {
            var bytes = Measure(model, batch, kind, table, together, spanCount);
            if (bytes <= budget || together == 1) return (together, bytes);
        }
    }

    /// <summary>Runs the clean and the corrupted (or ablated) prompts, and reads their metrics.</summary>
    public void RunEnds(Span<double> cleanValues, Span<double> corruptedValues)
    {
        inputs.Start(inputs.Clean, clean);
        ForwardPass.Run(model, inputs.Layout, inputs.Prefix, clean);
        metric.SetReference(clean.Final);
        Read(clean.Final, cleanValues);
        corrupted.Execute();
        Read(corrupted.Final, corruptedValues);
        differences.Start();
    }

    /// <summary>
    /// The metric of every example with everything outside a circuit ablated, for each of <paramref name="circuits"/>: handed to
    /// <paramref name="done"/> with the circuit's number, in order; valid during the call.
    /// </summary>
    public void Evaluate(IReadOnlyList<Circuit> circuits, Action<int, double[]> done, CancellationToken cancellation = default) =>
        Evaluate(circuits.Select(circuit => new CircuitInputs(circuit, inputs.Ablation is null, model.HasJoinedHeads)), done, cancellation);

    /// <summary>The same of circuits over spans.</summary>
    public void Evaluate(IReadOnlyList<SpanCircuit> circuits, Action<int, double[]> done, CancellationToken cancellation = default) =>
        Evaluate(circuits.Select(circuit => new SpanInputs(circuit, spans!, inputs.Ablation is null, model.HasJoinedHeads)), done, cancellation);

    private void Evaluate(IEnumerable<ICircuitNodes> circuits, Action<int, double[]> done, CancellationToken cancellation)
    {
        var metrics = new double[batch.Sequences];
        var together = differences.MostInputs(batch.Sequences);
        var first = 0;
        foreach (var group in CircuitProgram.Cut(circuits, differences.Held))
        {
            var program = new CircuitProgram(model.Graph, group, model.HasJoinedHeads);
            Run(program, cancellation);
            for (int start = 0, taken; start < group.Count; start += taken)
            {
                int[][] lists = [.. program.Logits.Skip(start).Take(together)];
                taken = differences.Fit(allRows: false, lists);
                lists = lists[..taken];
                var final = differences.Mixed.RowRange(0, lists.Length * batch.Sequences);
                model.Device.Mix(differences.Mix(corrupted.LogitsStream, allRows: false, lists, model.FinalNorm), final);
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
        differences.Use(program);
        var (start, inputEnd) = program.Stage(0);
        for (var place = start; place < inputEnd; place++)
        {
            model.Device.Subtract(inputs.Clean, inputs.Ablated, differences.At(place, allRows: true));
            differences.Finish(program.Nodes[place], place);
        }
        for (var l = 0; l < model.Graph.Layers; l++)
        {
            cancellation.ThrowIfCancellationRequested();
            var (first, end) = program.Stage(ModelGraph.HeadsStage(l));
            while (first < end) first += heads.Run(l, program, first, end);
            (first, end) = program.Stage(ModelGraph.MlpStage(l));
            for (; first < end; first += mlps.Run(l, program, first, end)) { }
        }
    }

    private void Read(Tensor y, Span<double> destination)
    {
        metric.Run(y, values, default);
        var floats = new float[batch.Sequences];
        model.Device.Download(values, floats);
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }
}
