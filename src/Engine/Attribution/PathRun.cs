using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// One micro-batch of a path method (method.md §3): the prefix once, then every point of the path on the suffix rows, each
/// point's gradients into the accumulators, and one contraction for up to <see cref="PathMethod.StepsTogether"/> points. What a method
/// does beside that is its <see cref="PathExtension"/>.
/// </summary>
internal sealed class PathRun
{
    private static readonly PathPoint[] Ends = [new(1, 0), new(0, 0)];

    private readonly Transformer model;
    private readonly Batch batch;
    private readonly PathPoint[] points;
    private readonly PathStep[] steps;
    private readonly BatchInputs inputs;
    private readonly Tensor inputDifference;
    private readonly CleanOutputNorms? norms;
    private readonly DifferenceCapture differences;
    private readonly GradientAccumulators sums;
    private readonly OutputGradients? outputs;
    private readonly MetricHead metric;
    private readonly Tensor values;
    // The ablated run's final norm, where that run comes before the clean one that its metric is taken against; else none.
    private readonly Tensor ablatedFinal;
    private readonly Tensor scores;
    private readonly Activations activations;
    private readonly BackwardBuffers backward;
    private readonly ScoreContraction contraction;
    private readonly PathExtension[] extensions;
    private readonly SpanRows? spans;
    // The last layer's MLP gradient and that of logits for every run of rows of a span.
    private readonly Tensor lastMlpOfRuns;
    private readonly Tensor logitsOfRuns;
    private float[]? ofRun;
    private readonly PassHook outputHook;
    private readonly GradientHook gradientHook;

    public PathRun(Transformer model, Arena arena, bool measuring, Batch batch, PathPoint[] path, PathMethod method, AttributionOptions options, AblationTable? table, AblationTable? ends = null)
    {
        this.model = model;
        this.batch = batch;
        var (c, rows, rule) = (model.Config, new Rows(model.Config.Layers, batch.Rows, batch.Sequences), method.RuleOf(options));

        // Both ends are always run: they give Δz. The ends come first, so that Δz is there at the first contraction.
        PathPoint[] unweighted = [.. Ends.Where(end => !path.Any(p => (p.Stage, p.Alpha) == (0, end.Alpha)))];
        points = [.. unweighted, .. path.OrderBy(p => p.Stage > 0 ? 2 : p.Alpha is 1 ? 0 : p.Alpha is 0 ? 1 : 2)];
        var held = Math.Min(path.Length, method.StepsTogether);
        var cuts = PathStep.Cut(points.Length, unweighted.Length, held, Math.Clamp(model.Device.Limits.RowsOfPass / batch.Rows, 1, held)).ToArray();
        var layouts = cuts.Select(cut => cut.Count).Distinct().ToDictionary(count => count, count => new PassLayout(model, arena, measuring, batch, count));
        var largest = layouts.Keys.Max();
        inputDifference = arena.Matrix(batch.Rows, c.Width);
        inputs = new BatchInputs(model, arena, measuring, batch, table);
        if (c.NormsOutputs && options.Quirks is not { HasHeadsUnnormed: true }) norms = new CleanOutputNorms(model, arena, rows, rule);
        differences = new DifferenceCapture(model, arena, rows, inputs.Ablation) { Norms = norms };
        sums = new GradientAccumulators(model, arena, rows, largest, held, rule);
        if (options.Level == ScoreLevel.Neuron) outputs = options.Quirks?.GradientsOfNeurons(model, arena, rows) ?? new OutputGradients(model, arena, rows);
        metric = new MetricHead(model, arena, measuring, batch.Examples, options.Metric, largest, gradient: true);
        values = arena.Matrix(points.Length * batch.Sequences, 1);
        if (options.Metric.IsDivergence() && unweighted is [{ Alpha: 0 }]) ablatedFinal = arena.Matrix(batch.Sequences, c.Width);
        if (options.SpanGraph is { } graph)
        {
            spans = new SpanRows(model, arena, measuring, batch, graph.Spans.Count);
            (lastMlpOfRuns, logitsOfRuns) = (arena.Matrix(spans.Runs, c.Width), arena.Matrix(spans.Runs, c.Width));
        }
        scores = arena.Matrix(spans?.Runs ?? batch.Sequences, model.Graph.Pairs);
        activations = new Activations(arena, c, rows.Times(largest), rule: rule);
        steps = [.. cuts.Select((cut, i) => new PathStep(cut.First, layouts[cut.Count], activations.First(rows.Times(cut.Count)), cut.Slot,
            points[cut.First..(cut.First + cut.Count)], i > 0 && cuts[i - 1].Slot == cut.Slot && cut.Count == 1 && points[cut.First].HasRunOf(points[cut.First - 1])))];
        backward = new BackwardBuffers(arena, c, rows.Times(largest), rule);
        contraction = Contraction(inputDifference, differences, scores);
        var own = method.Extend(this, new(model, arena, measuring, inputs, differences, activations, backward, spans), options);
        var quirk = ends is null ? null : options.Quirks!.ToEnds(this, model, arena, measuring, batch, inputs.Layout, ends);
        var crossing = spans is null ? null : new CrossingAttention(model, arena, measuring, options.SpanGraph!, spans, inputs, activations, method.TakesMagnitudes);
        extensions = [.. new[] { quirk, own, crossing }.OfType<PathExtension>()];
        outputHook = own?.Outputs ?? differences;
        gradientHook = new GradientHooks([.. new[] { own?.Gradients, crossing?.Gradients, sums, outputs }.OfType<GradientHook>()]);
    }

    /// <summary>The bytes that a run of this shape takes, with the scores that are gathered on the host where its memory is the device's, or where they are by span.</summary>
    public static long Measure(Transformer model, Batch batch, PathPoint[] path, PathMethod method, AttributionOptions options, AblationTable? table, AblationTable? ends = null)
    {
        var arena = Arena.Measuring();
        _ = new PathRun(model, arena, measuring: true, batch, path, method, options, table, ends);
        // Scores grow with the number of spans, and between them with its square, and data can have many: a GPU's budget bounds them too.
        var (spans, crossing) = options.SpanGraph is { } graph ? (graph.Spans.Count, sizeof(float) * (long)CrossingAttention.ScoresOf(graph)) : (0, 0);
        var own = model.Device.Limits.IsHostMemory || spans > 0 ? (long)method.HostBytesOfScore * model.Graph.Pairs * (1 + spans) : 0;
        return arena.Peak + (own + crossing) * batch.Sequences;
    }

    /// <summary>Runs everything.</summary>
    /// <param name="phases">Where the time goes.</param>
    /// <param name="cancellation">Stops between passes.</param>
    public void Execute(PhaseClock phases, CancellationToken cancellation)
    {
        var device = model.Device;
        phases.Lap("prefix");
        device.Subtract(inputs.Ablated, inputs.Clean, inputDifference);
        differences.Start();
        Clear();
        foreach (var extension in extensions) extension.Start();
        var hasDifferences = false;
        foreach (var step in steps)
        {
            cancellation.ThrowIfCancellationRequested();
            Pass(step, phases.Lap);
            if (step.Slot is not { } slot) continue;
            var isLast = step.First + step.Layout.Points == points.Length;
            if (slot + step.Layout.Points < sums.Capacity && !isLast) continue;
            if (!hasDifferences) differences.Finish(inputs.Layout.LastRows);
            hasDifferences = true;
            contraction.Steps = sums.HoldsSteps ? slot + step.Layout.Points : 0;
            spans?.SpreadLast(sums.MlpGradient[^1], lastMlpOfRuns);
            spans?.SpreadLast(sums.LogitsGradient, logitsOfRuns);
            device.ContractScores(contraction);
            var isTaken = false;
            foreach (var extension in extensions) isTaken |= extension.Contracted(contraction.Steps, step.Points[^1]);
            if (isTaken) Clear();
            else if (!isLast) sums.Clear();
            phases.Lap("scores");
        }
        foreach (var extension in extensions) extension.Finish(cancellation);
        if (extensions.Length > 0) phases.Lap("scores");
    }

    /// <summary>The metric of every example at a point of the path.</summary>
    public void ReadMetric(double alpha, Span<double> destination)
    {
        var point = Array.FindIndex(points, p => p.Stage == 0 && p.Alpha == alpha);
        var floats = new float[batch.Sequences];
        model.Device.Download(Values(point, 1), floats);
        for (var e = 0; e < floats.Length; e++) destination[e] = floats[e];
    }

    /// <summary>The scores [F·N] of one example of the micro-batch.</summary>
    public void ReadScores(int example, Span<float> destination)
    {
        ReadContracted(example, destination);
        foreach (var extension in extensions) extension.Read(example, destination);
    }

    /// <summary>The scores [F·N] of one example as the contractions so far left them.</summary>
    public void ReadContracted(int example, Span<float> destination)
    {
        if (spans is null)
        {
            model.Device.Download(scores.RowRange(example, 1), destination);
            return;
        }
        destination.Clear();
        foreach (var (run, _) in spans.RunsOf(example)) AddRun(run, destination);
    }

    /// <summary>The scores [<see cref="SpanGraph.Entries"/>] of one example by span.</summary>
    public void ReadSpanScores(int example, Span<float> destination)
    {
        ReadContractedSpans(example, destination);
        foreach (var extension in extensions) extension.ReadSpans(example, destination);
    }

    /// <summary>The scores of one example within spans [S·F·N, then what else there is room for] as the contractions so far left them.</summary>
    public void ReadContractedSpans(int example, Span<float> destination)
    {
        destination.Clear();
        foreach (var (run, span) in spans!.RunsOf(example)) AddRun(run, destination.Slice(span * model.Graph.Pairs, model.Graph.Pairs));
    }

    private void AddRun(int run, Span<float> sum)
    {
        ofRun ??= new float[model.Graph.Pairs];
        model.Device.Download(scores.RowRange(run, 1), ofRun);
        for (var i = 0; i < sum.Length; i++) sum[i] += ofRun[i];
    }

    /// <summary>Adds the scores of nodes, neurons and nodes by span that an extension has instead of the ordinary ones; false where none has.</summary>
    public bool AddOwn(NeuronSums? nodes, NeuronSums? neurons, NeuronSums? spanNodes) => extensions.Any(e => e.AddTo(nodes, neurons, spanNodes));

    /// <summary>Hands on Δz_u ⊙ ∂L/∂z_u of every source u; needs a run at neuron level.</summary>
    public void ReadProducts(SourceProducts taken)
    {
        var (device, graph) = (model.Device, model.Graph);
        var sources = Sources();
        var products = new float[inputDifference.Count];
        foreach (var u in graph.AllSources)
        {
            var gradient = Gradient(u);
            var x = backward.Stream.All.RowRange(0, gradient.Rows);
            device.Fill(x, 0);
            sources.Add(u, x);
            foreach (var extension in extensions) extension.AddDifference(u, x);
            device.MultiplyElements(x, gradient, x);
            device.Download(x, products.AsSpan(0, (int)x.Count));
            taken(u, products, inputs.Layout.Queries(ModelGraph.LayerOfStage(graph.StageOf(u))).QueryOffsets);
        }
    }

    /// <summary>Δz of the sources on the rows that their layers go on with; of heads what they put out themselves unless what attention puts out in the clean run is given, and memory.</summary>
    public SourceDifferences Sources(Func<int, Tensor>? attentionOutputs = null, Tensor work = default) =>
        new(model, inputDifference, differences.Context, differences.Mlp) { AttentionOutputs = attentionOutputs, Work = work };

    /// <summary>∂L/∂z_u: of a head before the norm of what its layer's attention puts out, which is held to first order as its differences are.</summary>
    private Tensor Gradient(NodeId u)
    {
        var gradient = outputs![model.Graph.StageOf(u)];
        if (norms is null || model.Graph.PlaceOf(u) is not { Kind: NodeKind.Head, Layer: var l }) return gradient;
        var (norm, before) = (norms[l], backward.Block.RowRange(0, gradient.Rows));
        model.AttentionBlock(l).OutputNorm.Backward(gradient, norm.XHat, norm.InverseSigma, add: false, before);
        return before;
    }

    private void Clear()
    {
        sums.Clear();
        outputs?.Clear();
        model.Device.Fill(scores, 0);
    }

    /// <summary>Forward, metric and, where there are gradients, backward.</summary>
    private void Pass(PathStep step, Action<string> lap)
    {
        foreach (var extension in extensions) extension.Expect(step);
        if (!step.IsRun)
        {
            Forward(step);
            lap("forward");
            var gradient = step.Slot is null ? default : backward.Final.RowRange(0, step.Layout.Rows.Sequences);
            if (step.First == 0 && !ablatedFinal.IsNone) model.Device.Copy(step.Activations.Final, ablatedFinal);
            else metric.Run(step.Activations.Final, Values(step.First, step.Layout.Points), gradient);
            if (step.Clean is not null && !ablatedFinal.IsNone) metric.Run(ablatedFinal, Values(0, 1), default);
            lap("metric");
        }
        if (step.Slot is not { } slot) return;
        sums.Expect(step.Layout, slot, step.Weights);
        outputs?.Expect(step.Weights);
        BackwardPass.Run(model, step.Layout, inputs.Prefix, step.Activations, backward, gradientHook);
        lap("backward");
    }

    private Tensor Values(int firstPoint, int count) => values.RowRange(firstPoint * batch.Sequences, count * batch.Sequences);

    private void Forward(PathStep step)
    {
        var (device, layout, pass) = (model.Device, step.Layout, step.Activations);
        for (var p = 0; p < layout.Points; p++)
        {
            var alpha = step.Points[p].Stage == 0 ? (float)step.Points[p].Alpha : 1;
            device.Interpolate(inputs.Ablated, inputs.Clean, alpha, pass.Stream.All.RowRange(p * batch.Rows, batch.Rows));
        }
        Embed.AddPositions(model, layout, pass.Stream.All);
        for (var l = 0; l < pass.Layers.Length; l++)
        {
            pass.Layers[l].AttentionXHat = step.Slot is { } slot ? sums.XHat(l, slot, layout) : default;
        }
        differences.Expect(step.Clean, step.Corrupted);
        ForwardPass.Run(model, layout, inputs.Prefix, pass, outputHook);
        if (step.Clean is { } clean) metric.SetReference(pass.Final.RowRange(clean * batch.Sequences, batch.Sequences));
    }

    /// <summary>The contraction of the accumulated gradients with some differences.</summary>
    public ScoreContraction Contraction(Tensor input, DifferenceCapture differences, Tensor scores) => new()
    {
        Layout = spans?.Layout ?? inputs.Layout.All,
        Layers = model.Config.Layers,
        Heads = model.Config.Heads,
        HeadDim = model.Config.HeadDim,
        Group = model.Config.Group,
        Centred = model.Centred && model.Config.NormsInputs,
        Parallel = model.Config.ParallelBlocks,
        ValuesAlone = activations.Rule.Pattern == PatternRule.Constant,
        ReducesLastLayer = true,
        InputDifference = input,
        ContextDifference = differences.Contexts,
        OutputNorms = norms?.All ?? [],
        MlpDifference = differences.MlpOutputs,
        Output = [.. model.Layers.Select(l => l.Output)],
        QueryKeyValue = [.. model.Layers.Select(l => l.Projection)],
        NormScale = [.. model.Layers.Select(l => l.ProjectionScale)],
        Alpha = sums.Alpha,
        NormalizedInputs = sums.NormalizedInputs,
        StepProducts = sums.StepProducts,
        Steps = 0,
        MlpGradient = spans is null ? sums.MlpGradient : [.. sums.MlpGradient.SkipLast(1), lastMlpOfRuns],
        LogitsGradient = spans is null ? sums.LogitsGradient : logitsOfRuns,
        Scores = scores,
    };
}

/// <summary>Takes what every row contributes to the columns of a source: products [rows × d] of examples that end at the given row offsets.</summary>
internal delegate void SourceProducts(NodeId source, ReadOnlySpan<float> products, ReadOnlySpan<int> offsets);
