using System.Diagnostics;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Activation patching of nodes and neurons: score = loss with the node, or one column of its output, ablated wherever it is read − loss
/// of the full model. Each is the evaluation of a circuit: of all edges but those out of the node, or of all edges carrying all columns
/// but the one.
/// </summary>
internal static class ExactNodes
{
    private const int NeuronsAtATime = 128;

    /// <summary>Scores the nodes, and at that level the neurons.</summary>
    public static AttributionResult Run(Transformer model, IReadOnlyList<Example> data, AttributionOptions options, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var clock = Stopwatch.StartNew();
        var (graph, width, kind) = (model.Graph, model.Config.Width, options.Metric);
        var evaluation = new EvaluationOptions { Metric = kind, Ablation = options.Ablation, AblationData = options.AblationData, MemoryBytes = options.MemoryBytes };
        var full = Circuit.Full(graph);
        var ofNeurons = options.Level == ScoreLevel.Neuron;
        var ends = Evaluate([.. graph.AllSources.Select(u => new Circuit(graph, full.Edges.Where(e => graph.SourceOf(e) != u)))], ofNeurons ? null : progress);
        var loss = ends[0].Clean.Average(v => kind.Loss(v));
        double Score(Faithfulness result) => result.Circuit.Average(v => kind.Loss(v)) - loss;

        // A few at a time, so that the circuits of large models need not all be held.
        var all = NeuronSet.All(graph, width);
        var neurons = ofNeurons ? new double[graph.Sources * width] : null;
        foreach (var u in ofNeurons ? graph.AllSources : [])
        {
            progress?.Report(new RunProgress(u, graph.Sources, "exact"));
            foreach (var columns in Enumerable.Range(0, width).Chunk(NeuronsAtATime))
            {
                var results = Evaluate([.. columns.Select(c => full.Carrying(all.Without(u, c)))], null);
                for (var i = 0; i < columns.Length; i++) neurons![u * width + columns[i]] = Score(results[i]);
            }
        }
        if (ofNeurons) progress?.Report(new RunProgress(graph.Sources, graph.Sources, "exact"));
        var trials = (double)graph.Sources * (1 + (ofNeurons ? width : 0));
        return new AttributionResult
        {
            Scores = EdgeScores.Zero(graph),
            HasEdgeScores = false,
            NodeScores = [.. ends.Select(Score)],
            NeuronScores = neurons,
            Clean = ends[0].Clean,
            Corrupted = ends[0].Corrupted,
            TrialsPerSecond = trials * data.Count / clock.Elapsed.TotalSeconds,
            Seconds = clock.Elapsed.TotalSeconds,
            Phases = new Dictionary<string, double> { ["circuits"] = clock.Elapsed.TotalSeconds },
            WorkspaceBytes = model.WorkspaceBytes,
        };

        IReadOnlyList<Faithfulness> Evaluate(Circuit[] circuits, IProgress<RunProgress>? told) => CircuitEvaluator.Evaluate(model, data, circuits, evaluation, told, cancellation);
    }
}
