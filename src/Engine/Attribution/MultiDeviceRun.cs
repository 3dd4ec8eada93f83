using System.Diagnostics;
using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// A method whose scores are means over examples, on several devices: each scores a part of the examples, and the exact sums of
/// the parts are added, so that the order leaves no trace.
/// </summary>
internal static class MultiDeviceRun
{
    /// <summary>Runs <paramref name="method"/> on every part, or on one device as it is; counterfactuals have been applied to <paramref name="data"/>.</summary>
    public static AttributionResult Run(TransformerSet models, IReadOnlyList<Example> data, AttributionOptions options,
        Func<Transformer, IReadOnlyList<Example>, AttributionOptions, IProgress<RunProgress>?, CancellationToken, AttributionResult> method,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (models.Count == 1) return method(models.First, data, options, progress, cancellation);
        var clock = Stopwatch.StartNew();
        // Means are over all examples, on every device alike.
        options = options with { AblationData = options.Ablation == Ablation.Patching ? null : options.AblationData ?? data };
        var parts = models.Run(data, (model, part, report, stop) =>
        {
            var held = options.Sink is null ? null : new HeldScores(part);
            return (Result: method(model, part, options with { Sink = held }, report, stop), Held: held);
        }, progress, cancellation);
        foreach (var (_, held) in parts) held?.HandOn(options.Sink!);
        return Join([.. parts.Select(p => p.Result)], models, options, clock);
    }

    private static AttributionResult Join(AttributionResult[] parts, TransformerSet models, AttributionOptions options, Stopwatch clock)
    {
        var (sums, first) = (ScoreSums.Join(models.Graph, [.. parts.Select(Sums)]), parts[0]);
        var spans = first.SpanSums is null ? null : SpanSums.Join([.. parts.Select(p => p.SpanSums!)]);
        var bySpan = spans?.Means();
        var (clean, corrupted, means) = (Concat(p => p.Clean), Concat(p => p.Corrupted), sums.Means());
        return new AttributionResult
        {
            Scores = means,
            Sums = sums,
            Spans = bySpan,
            SpanNodes = first.SpanNodes is null ? null : first.SpanNodeSums is null ? PathMethod.NodeScores(bySpan!) : NeuronSums.Join([.. parts.Select(p => p.SpanNodeSums!)]).Means(),
            SpanSums = spans,
            SpanErrors = spans?.StandardErrors(),
            NodeScores = first.NodeScores is null ? null : first.Nodes is null ? PathMethod.NodeScores(means) : NeuronSums.Join([.. parts.Select(p => p.Nodes!)]).Means(),
            NeuronScores = first.Neurons is null ? null : NeuronSums.Join([.. parts.Select(p => p.Neurons!)]).Means(),
            StandardErrors = sums.StandardErrors(),
            Clean = clean,
            Corrupted = corrupted,
            InputScores = first.InputScores is null ? null : sums.InputScores(),
            CompletenessGap = first.ExampleGaps is null ? null : PathMethod.Gap(sums.InputScores(), clean, corrupted, options.Metric),
            ExampleGaps = first.ExampleGaps is null ? null : Concat(p => p.ExampleGaps!),
            TrialsPerSecond = first.TrialsPerSecond is null ? null : parts.Sum(p => p.TrialsPerSecond * p.Seconds) / clock.Elapsed.TotalSeconds,
            Seconds = clock.Elapsed.TotalSeconds,
            // Those of the device that took longest.
            Phases = parts.MaxBy(p => p.Phases.Values.Sum())!.Phases,
            WorkspaceBytes = parts.Max(p => p.WorkspaceBytes),
        };

        double[] Concat(Func<AttributionResult, double[]> values) => [.. parts.SelectMany(values)];

        ScoreSums Sums(AttributionResult part) => part.Sums ?? throw new InvalidOperationException($"{options.Method} keeps no sums to join");
    }

    /// <summary>The scores of a part's examples, kept until those of the examples before them have been handed on.</summary>
    private sealed class HeldScores(ExamplePart part) : IScoreSink
    {
        private readonly float[][] scores = new float[part.Count][];

        public void Add(int example, ReadOnlySpan<float> scores) => this.scores[example] = scores.ToArray();

        public void HandOn(IScoreSink sink)
        {
            for (var e = 0; e < scores.Length; e++)
            {
                sink.Add(part.First + e, scores[e]);
                scores[e] = [];
            }
        }
    }
}
