using System.Diagnostics;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// ACDC (Conmy et al. 2023, algorithm 1) over rising thresholds: from logits down to the first layer every edge of the circuit is
/// taken away for a trial, and stays away if the loss rises by less than the threshold; the next threshold goes on from there. The
/// score of an edge is the threshold at which it went, twice the largest for those that never did. Scores are not signed: they rank.
/// </summary>
internal sealed class DiscoveryMethod : AttributionMethod
{
    public override string Name => "acdc";
    public override string Summary => "greedy removal of edges by thresholds (Conmy et al. 2023); small models only";

    public override bool ScoresByExample(AttributionOptions options) => false;

    public override AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options,
        IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        if (options.Level != ScoreLevel.Edge) throw new InputException("acdc removes edges only; take --level edge");
        var clock = Stopwatch.StartNew();
        var evaluation = new EvaluationOptions { Metric = options.Metric, Ablation = options.Ablation, AblationData = options.AblationData, MemoryBytes = options.MemoryBytes };
        using var session = new CircuitSession(model, data, evaluation);
        var graph = model.Graph;
        var thresholds = options.Thresholds ?? Thresholds(options.Metric, session);
        CheckThresholds(thresholds);
        var search = new Search(graph, circuit => MeanLoss(session, options.Metric, circuit));
        var left = new List<ThresholdCircuit>();
        for (var i = 0; i < thresholds.Count; i++)
        {
            search.Sweep(thresholds[i], (done, total) => progress?.Report(new RunProgress(i * total + done, thresholds.Count * total, Name)), cancellation);
            left.Add(new(thresholds[i], search.Kept, i + 1 < thresholds.Count ? thresholds[i + 1] : 2 * thresholds[i]));
        }
        progress?.Report(new RunProgress(1, 1, Name));
        return new AttributionResult
        {
            Scores = new EdgeScores(graph, search.Scores(left[^1].LeastScore)),
            Thresholds = left,
            Clean = session.Clean,
            Corrupted = session.Corrupted,
            TrialsPerSecond = (double)search.Trials * data.Count / clock.Elapsed.TotalSeconds,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = new Dictionary<string, double> { ["circuits"] = clock.Elapsed.TotalSeconds },
            WorkspaceBytes = session.Bytes,
        };
    }

    /// <summary>Unless given: parts of what separates the full from the empty circuit, 1/1024, 1/256, 1/64, 1/16 and 1/4.</summary>
    private static double[] Thresholds(MetricKind metric, CircuitSession session)
    {
        var range = Math.Abs(session.Corrupted.Average(v => metric.Loss(v)) - session.Clean.Average(v => metric.Loss(v)));
        if (range == 0) throw new InputException("acdc: clean and corrupted prompts do not differ in the metric; give thresholds");
        return [range / 1024, range / 256, range / 64, range / 16, range / 4];
    }

    private static void CheckThresholds(IReadOnlyList<double> thresholds)
    {
        if (thresholds.Count == 0) throw new InputException("acdc needs a threshold");
        for (var i = 0; i < thresholds.Count; i++)
        {
            if (!(thresholds[i] > (i == 0 ? 0 : thresholds[i - 1]))) throw new InputException("acdc: thresholds must be positive and rise");
        }
    }

    /// <summary>The mean over the examples, the same in any order of them.</summary>
    private static double MeanLoss(CircuitSession session, MetricKind metric, Circuit circuit)
    {
        var sum = new ExactSum(1);
        var values = session.Evaluate(circuit);
        foreach (var value in values) sum.Add(0, metric.Loss(value));
        return sum[0] / values.Length;
    }

    /// <summary>The circuit as it shrinks.</summary>
    private sealed class Search
    {
        private readonly ModelGraph graph;
        private readonly Func<Circuit, double> lossOf;
        private readonly SortedSet<EdgeId> kept;
        private readonly int[] outEdges;
        private readonly double[] goneAt;
        private double loss;

        public Search(ModelGraph graph, Func<Circuit, double> lossOf)
        {
            (this.graph, this.lossOf) = (graph, lossOf);
            var full = Circuit.Full(graph);
            kept = [.. full.Edges];
            outEdges = new int[graph.Nodes];
            foreach (var edge in kept) outEdges[graph.SourceOf(edge)]++;
            goneAt = new double[graph.Pairs];
            loss = lossOf(full);
        }

        /// <summary>Edges of the circuit.</summary>
        public int Kept => kept.Count;

        /// <summary>Circuits evaluated.</summary>
        public int Trials { get; private set; } = 1;

        /// <summary>Tries every edge once, from logits down: columns and sources descending are a reverse topological order.</summary>
        public void Sweep(double threshold, Action<int, int> progress, CancellationToken cancellation)
        {
            foreach (var column in graph.AllColumns.Reverse())
            {
                progress(graph.Columns - 1 - column, graph.Columns);
                var node = graph.NodeOfColumn(column);
                foreach (var edge in graph.InEdges(column).Reverse())
                {
                    if (!kept.Remove(edge)) continue;
                    cancellation.ThrowIfCancellationRequested();
                    // What nobody reads changes nothing.
                    var without = node == graph.LogitsNode || outEdges[node] > 0 ? Try() : loss;
                    if (without - loss < threshold)
                    {
                        (loss, goneAt[edge]) = (without, threshold);
                        outEdges[graph.SourceOf(edge)]--;
                    }
                    else
                    {
                        kept.Add(edge);
                    }
                }
            }
        }

        /// <summary>The thresholds at which the edges went; <paramref name="ofKept"/> for those still there.</summary>
        public double[] Scores(double ofKept)
        {
            var scores = (double[])goneAt.Clone();
            foreach (var edge in kept) scores[edge] = ofKept;
            return scores;
        }

        private double Try()
        {
            Trials++;
            return lossOf(new Circuit(graph, kept));
        }
    }
}
