using System.Runtime.InteropServices;
using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// One micro-batch of a path method (method.md §3): the prefix once, then every point of the path on the suffix rows, each
/// point's gradients into the accumulators, and one contraction for up to <see cref="StepsHeld"/> points.
/// </summary>
internal sealed class PathRun
{
    /// <summary>Points whose x̂ are held until a contraction. Fixed, so that the bits of a score do not depend on the memory.</summary>
    private const int StepsHeld = 32;

    private readonly Transformer model;
    private readonly Batch batch;
    private readonly PathPoint[] points;
    private readonly Step[] steps;
    private readonly Dictionary<int, PassLayout> layouts = [];
    private readonly BatchInputs inputs;
    private readonly Tensor inputDifference;
    private readonly DifferenceCapture differences;
    private readonly StageOverride? stages;
    private readonly GradientAccumulators sums;
    private readonly MetricHead metric;
    private readonly Tensor values;
    // The ablated run's final norm, where that run comes before the clean one that its metric is taken against; else none.
    private readonly Tensor ablatedFinal;
    private readonly Tensor scores;
    private readonly Activations activations;
    private readonly BackwardBuffers backward;
    private readonly ScoreContraction contraction;
    private readonly ShiftedScores? shifted;
    private readonly RecomputedAttention? recomputed;

    public PathRun(Transformer model, Arena arena, bool measuring, Batch batch, PathPoint[] path, PathMethod method, AttributionOptions options, AblationTable? table, AblationTable? shift = null)
    {
        this.model = model;
        this.batch = batch;
        var (c, device) = (model.Config, model.Device);

        // Both ends are always run: they give Δz. The ends come first, so that Δz is there at the first contraction.
        var ends = new[] { 1.0, 0.0 };
        var unweighted = ends.Where(alpha => !path.Any(p => p.Stage == 0 && p.Alpha == alpha)).Select(alpha => new PathPoint(alpha, 0)).ToArray();
        points = [.. unweighted, .. path.OrderBy(p => p.Stage > 0 ? 2 : p.Alpha is 1 ? 0 : p.Alpha is 0 ? 1 : 2)];
        // The scores of a point that drops a layer are taken by themselves.
        var held = path.Any(p => p.Dropped is not null) ? 1 : Math.Min(path.Length, StepsHeld);
        var cuts = Cut(unweighted.Length, held, Math.Clamp(device.RowsOfPass / batch.Rows, 1, held)).ToArray();
        foreach (var (_, count, _) in cuts)
        {
            if (!layouts.ContainsKey(count)) layouts[count] = new PassLayout(device, arena, measuring, batch, count);
        }
        inputDifference = arena.Matrix(batch.Rows, c.Width);
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        differences = new DifferenceCapture(device, arena, c, batch.Rows, batch.Sequences, inputs.Ablation);
        if (path.Any(p => p.Stage > 0)) stages = new StageOverride(device, arena, c, differences, batch.Rows, batch.Sequences);
        sums = new GradientAccumulators(arena, c, batch.Rows, batch.Sequences, held, method.Gradient, outputs: options.Level == ScoreLevel.Neuron, mlpAtInput: options.Library is not null);
        var largest = cuts.Max(cut => cut.Count);
        metric = new MetricHead(model, arena, measuring, batch.Examples, options.Metric, largest, gradient: true);
        values = arena.Matrix(points.Length * batch.Sequences, 1);
        if (options.Metric.IsDivergence() && unweighted is [{ Alpha: 0 }]) ablatedFinal = arena.Matrix(batch.Sequences, c.Width);
        scores = arena.Matrix(batch.Sequences, model.Graph.Pairs);
        activations = new Activations(arena, c, batch.Rows * largest, batch.Sequences * largest, rule: method.Gradient);
        steps = [.. cuts.Select((cut, i) => new Step(cut.First, layouts[cut.Count], activations.First(batch.Rows * cut.Count, batch.Sequences * cut.Count), cut.Slot,
            points[cut.First..(cut.First + cut.Count)], i > 0 && cuts[i - 1].Slot == cut.Slot && cut.Count == 1 && points[cut.First].HasRunOf(points[cut.First - 1])))];
        backward = new BackwardBuffers(arena, c, batch.Rows * largest, batch.Sequences * largest, batch.Sequences, keepsGates: steps.Any(step => step.IsRun), keepsContexts: method.RecomputesAttention);
        if (method.RecomputesAttention) recomputed = new RecomputedAttention(model, arena, inputs, activations, backward);
        contraction = Contraction(inputDifference, differences, scores);
        if (shift is not null) shifted = new ShiftedScores(model, arena, measuring, batch, shift, Contraction);
    }

    /// <summary>The bytes that a run of this shape takes, where the device's memory is the host's with the scores that are gathered there.</summary>
    public static long Measure(Transformer model, Batch batch, PathPoint[] path, PathMethod method, AttributionOptions options, AblationTable? table, AblationTable? shift = null)
    {
        var arena = Arena.Measuring();
        _ = new PathRun(model, arena, measuring: true, batch, path, method, options, table, shift);
        if (!model.Device.IsHostMemory) return arena.Peak;
        var ofScore = path.Any(p => p.Dropped is not null) ? sizeof(double) : method.RecomputesAttention ? sizeof(float) : 0;
        return arena.Peak + (long)ofScore * batch.Sequences * model.Graph.Pairs;
    }

    /// <summary>Runs everything.</summary>
    /// <param name="phases">Where the time goes.</param>
    /// <param name="cancellation">Stops between passes.</param>
    /// <param name="taken">Takes the scores of a point that drops this layer, before the next point's; null: nobody reads them.</param>
    public void Execute(PhaseClock phases, CancellationToken cancellation, Action<int>? taken = null)
    {
        var device = model.Device;
        phases.Lap("prefix");
        device.Subtract(inputs.Ablated, inputs.Clean, inputDifference);
        differences.Start();
        sums.Start(device);
        device.Fill(scores, 0);
        shifted?.Start(inputs.Layout.LastRows);
        var hasDifferences = false;
        foreach (var step in steps)
        {
            cancellation.ThrowIfCancellationRequested();
            if (phases.IsSplit)
            {
                Pass(step, phases.Lap);
            }
            else
            {
                device.Repeatable(() => Pass(step, _ => { }));
                phases.Lap("steps");
            }
            if (step.Slot is not { } slot) continue;
            var isLast = step.First + step.Layout.Points == points.Length;
            if (slot + step.Layout.Points < sums.Capacity && !isLast) continue;
            if (!hasDifferences) differences.Finish(inputs.Layout.LastRows);
            hasDifferences = true;
            contraction.Steps = sums.HoldsSteps ? slot + step.Layout.Points : 0;
            device.ContractScores(contraction);
            shifted?.Contract(contraction.Steps);
            if (step.Points[0].Dropped is { } layer)
            {
                phases.Lap("scores");
                taken?.Invoke(layer);
                device.Fill(scores, 0);
                sums.Start(device);
            }
            else if (!isLast) sums.Clear(device);
            phases.Lap("scores");
        }
    }

    /// <summary>After <see cref="Execute"/>, where the method asks for it: the scores of edges into queries and keys, which replace those by the gradient.</summary>
    public void RecomputeAttention(PhaseClock phases, CancellationToken cancellation)
    {
        if (recomputed is null) return;
        recomputed.Run(Sources(), cancellation);
        phases.Lap("scores");
    }

    /// <summary>The metric of every example at a point of the path.</summary>
    public void ReadMetric(double alpha, Span<double> destination)
    {
        var point = Array.FindIndex(points, p => p.Stage == 0 && p.Alpha == alpha);
        var floats = new float[batch.Sequences];
        model.Device.Download(Values(point, 1).Pointer, MemoryMarshal.AsBytes(floats.AsSpan()));
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }

    /// <summary>The scores [F·N] of one example of the micro-batch.</summary>
    public void ReadScores(int example, Span<float> destination)
    {
        model.Device.Download(scores.RowRange(example, 1).Pointer, MemoryMarshal.AsBytes(destination));
        shifted?.AddTo(destination, example);
        recomputed?.CopyTo(destination, example);
    }

    /// <summary>Hands on Δz_u ⊙ ∂L/∂z_u of every source u; needs a run at neuron level.</summary>
    public void ReadProducts(SourceProducts taken)
    {
        var (device, graph) = (model.Device, model.Graph);
        var sources = Sources();
        var products = new float[inputDifference.Count];
        foreach (var u in graph.AllSources)
        {
            var gradient = sums.OutputGradient[graph.StageOf(u)];
            var x = backward.Stream.RowRange(0, gradient.Rows);
            device.Fill(x, 0);
            sources.Add(u, x);
            shifted?.AddOutput(u, x);
            device.MultiplyElements(x, gradient, x);
            device.Download(x.Pointer, MemoryMarshal.AsBytes(products.AsSpan(0, (int)x.Count)));
            var layout = inputs.Layout;
            taken(u, products, x.Rows == batch.Rows ? layout.All.Offsets : layout.LastQuery.QueryOffsets);
        }
    }

    private SourceDifferences Sources() =>
        new(model, inputDifference, [.. differences.Contexts[..^1], differences.LastContext], [.. differences.MlpOutputs[..^1], differences.LastMlp]);

    /// <summary>
    /// Cuts the points into passes: the ends that need no gradient, then blocks of at most <paramref name="held"/> steps, whose slots count from 0.
    /// </summary>
    private IEnumerable<(int First, int Count, int? Slot)> Cut(int forwardOnly, int held, int pointsOfPass)
    {
        for (var first = 0; first < forwardOnly; first += pointsOfPass) yield return (first, Math.Min(pointsOfPass, forwardOnly - first), null);
        for (var block = forwardOnly; block < points.Length; block += held)
        {
            var end = Math.Min(block + held, points.Length);
            for (var first = block; first < end; first += pointsOfPass) yield return (first, Math.Min(pointsOfPass, end - first), first - block);
        }
    }

    /// <summary>Forward, metric and, where there are gradients, backward.</summary>
    private void Pass(Step step, Action<string> lap)
    {
        if (!step.IsRun)
        {
            Forward(step);
            lap("forward");
            var gradient = step.Slot is null ? default : backward.Final.RowRange(0, step.Layout.Sequences);
            if (step.First == 0 && !ablatedFinal.IsNone) model.Device.Copy(step.Activations.Final, ablatedFinal);
            else metric.Run(step.Activations.Final, Values(step.First, step.Layout.Points), gradient);
            if (step.Clean is not null && !ablatedFinal.IsNone) metric.Run(ablatedFinal, Values(0, 1), default);
            lap("metric");
        }
        if (step.Slot is not { } slot) return;
        BackwardPass.Run(model, step.Layout, inputs.Prefix, step.Activations, backward, sums, slot, step.Weights, step.Points);
        lap("backward");
    }

    private Tensor Values(int firstPoint, int count) => values.RowRange(firstPoint * batch.Sequences, count * batch.Sequences);

    private void Forward(Step step)
    {
        var (device, layout, pass) = (model.Device, step.Layout, step.Activations);
        for (var p = 0; p < layout.Points; p++)
        {
            var alpha = step.Points[p].Stage == 0 ? (float)step.Points[p].Alpha : 1;
            device.Interpolate(inputs.Ablated, inputs.Clean, alpha, pass.Stream.RowRange(p * batch.Rows, batch.Rows));
        }
        if (!model.Positions.IsNone) device.AddGatheredRows(model.Positions, layout.Positions, pass.Stream);
        for (var l = 0; l < pass.Layers.Length; l++)
        {
            pass.Layers[l].AttentionXHat = step.Slot is { } slot && sums.HoldsSteps ? sums.NormalizedInputs[l].RowRange(slot * batch.Rows, layout.Rows) : default;
        }
        differences.Expect(step.Clean, step.Corrupted);
        stages?.Expect(step.Clean, step.Replaced);
        ForwardPass.Run(model, layout, inputs.Prefix, pass, stages ?? (PassHook)differences);
        if (step.Clean is { } clean) metric.SetReference(pass.Final.RowRange(clean * batch.Sequences, batch.Sequences));
    }

    private ScoreContraction Contraction(Tensor input, DifferenceCapture differences, Tensor scores) => new()
    {
        Layout = inputs.Layout.All,
        Layers = model.Config.Layers,
        Heads = model.Config.Heads,
        HeadDim = model.Config.HeadDim,
        Group = model.Config.Group,
        Centred = model.Centred,
        Parallel = model.Config.ParallelBlocks,
        ValuesAlone = activations.Rule.HoldsPattern,
        ReducesLastLayer = true,
        InputDifference = input,
        ContextDifference = differences.Contexts,
        MlpDifference = differences.MlpOutputs,
        Output = [.. model.Layers.Select(l => l.Output)],
        QueryKeyValue = [.. model.Layers.Select(l => l.Projection)],
        NormScale = [.. model.Layers.Select(l => l.AttentionScale)],
        Alpha = sums.Alpha,
        NormalizedInputs = sums.NormalizedInputs,
        StepProducts = sums.StepProducts,
        Steps = 0,
        MlpGradient = sums.MlpGradient,
        LogitsGradient = sums.LogitsGradient,
        Scores = scores,
    };

    /// <summary>
    /// One pass: the points from <paramref name="First"/> on, side by side. Slot: where its steps stand in the accumulators; null without gradient.
    /// IsRun: its run, the gradient of the loss included, is that of the step before, and still there.
    /// </summary>
    private sealed record Step(int First, PassLayout Layout, Activations Activations, int? Slot, PathPoint[] Points, bool IsRun)
    {
        public float[] Weights { get; } = [.. Points.Select(p => (float)p.Weight)];
        public int? Clean { get; } = Find(Points, 1);
        public int? Corrupted { get; } = Find(Points, 0);

        /// <summary>The points at which other outputs than the input's are replaced.</summary>
        public (int Point, int Stage, float Ablated)[] Replaced { get; } =
            [.. Points.Select((p, i) => (i, p.Stage, (float)(1 - p.Alpha))).Where(p => p.Stage > 0)];

        /// <summary>The point at which the input, and nothing else, is at <paramref name="alpha"/>.</summary>
        private static int? Find(PathPoint[] points, double alpha) =>
            Array.FindIndex(points, p => p.Stage == 0 && p.Alpha == alpha) is >= 0 and var found ? found : null;
    }
}

/// <summary>Takes what every row contributes to the columns of a source: products [rows × d] of examples that end at the given row offsets.</summary>
internal delegate void SourceProducts(NodeId source, ReadOnlySpan<float> products, ReadOnlySpan<int> offsets);
