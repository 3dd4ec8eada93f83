using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Circuits of neurons against the oracle, and their two fixed points.</summary>
public sealed class NeuronCircuitTests
{
    private static readonly string[] ModelNames = ["gpt2, 3 layers, untied, narrow", "gpt2, one layer", "gpt2, parallel blocks", "llama", "llama, tied, one key head, 3 layers", "norms of inputs and outputs", "norms of outputs, parallel, LayerNorm", "queries and keys of all heads normed together"];

    [Theory, MemberData(nameof(AblationTests.Ablations), MemberType = typeof(AblationTests))]
    public void ScoreAsTheirDefinitionSays(Ablation ablation, OracleAblation oracleAblation)
    {
        foreach (var name in ModelNames)
        {
            using var weights = Scoring.Models[name]();
            var data = RandomExamples.Create(11, weights.Config.Vocabulary);
            var (graph, width) = (Graph(weights), weights.Config.Width);
            var random = new Random(12);
            var scores = Enumerable.Range(0, graph.Sources * width).Select(_ => random.NextDouble() - 0.5).ToArray();
            var edges = Circuit.Full(graph).Edges.Where(_ => random.NextDouble() < 0.6).ToArray();
            Circuit[] circuits =
            [
                CircuitSelection.TopNeurons(graph, scores, scores.Length / 2, signed: false),
                CircuitSelection.TopNeurons(graph, scores, 3 * graph.Sources, signed: true),
                // Neurons of a circuit that is given by its edges, some nodes whole and some without any.
                new(graph, edges, new NeuronSet(graph, width, Enumerable.Range(0, scores.Length).Where(n => (n / width % 3) switch { 0 => true, 1 => scores[n] > 0, _ => false }))),
            ];
            var results = Evaluate(weights, data, circuits, ablation);
            for (var i = 0; i < circuits.Length; i++)
            {
                var expected = OracleRun.Circuit(weights, data, circuits[i], ablation: oracleAblation).Circuit;
                Close.Check([.. expected, .. results[i].Clean], [.. results[i].Circuit, .. results[i].Clean], 2e-5, $"{name}, circuit {i}");
            }
        }
    }

    [Theory, MemberData(nameof(AblationTests.Ablations), MemberType = typeof(AblationTests))]
    public void AllNeuronsAreTheCleanRunAndNoneTheAblatedRun(Ablation ablation, OracleAblation _)
    {
        using var weights = RandomModels.Gpt2(21);
        var data = RandomExamples.Create(22, weights.Config.Vocabulary);
        var (graph, width) = (Graph(weights), weights.Config.Width);
        var all = Enumerable.Range(0, graph.Sources * width).ToArray();
        Circuit[] circuits =
        [
            CircuitSelection.TopNeurons(graph, [.. all.Select(n => (double)n)], all.Length, signed: false),
            CircuitSelection.TopNeurons(graph, [.. all.Select(n => (double)n)], 0, signed: false),
            new(graph, Circuit.Full(graph).Edges, new NeuronSet(graph, width, [])),
            // Every neuron named, and all but one edge: what the edges alone give.
            new(graph, Circuit.Full(graph).Edges.Skip(1), new NeuronSet(graph, width, all)),
        ];
        var results = Evaluate(weights, data, circuits, ablation);
        Assert.True(circuits[0].IsFull);
        Assert.Equal(results[0].Clean, results[0].Circuit);
        Assert.Equal(0, circuits[1].EdgeCount);
        Assert.Equal(results[1].Corrupted, results[1].Circuit);
        Assert.Equal(results[2].Corrupted, results[2].Circuit);
        Assert.NotEqual(results[0].Clean, results[0].Corrupted);
        Assert.Equal(Evaluate(weights, data, [new(graph, Circuit.Full(graph).Edges.Skip(1))], ablation)[0].Circuit, results[3].Circuit);
    }

    [Fact]
    public void TheBestNeuronsBringTheEdgesBetweenTheirNodes()
    {
        var graph = new ModelGraph(2, 1);
        // input, a0.h0, m0, a1.h0, m1; two neurons each
        double[] scores = [0.5, 0.1, 0, 0, -3, 0.2, 0, 0, 0, -0.4];
        var circuit = CircuitSelection.TopNeurons(graph, scores, 3, signed: false);
        Assert.Equal(Small.Sorted("input->m0", "input->m1", "input->logits", "m0->m1", "m0->logits", "m1->logits"), Small.Names(circuit));
        Assert.Equal([0, 4, 9], Members(circuit.Neurons!));
        Assert.Equal(Members(circuit.Neurons!), Members(CircuitSelection.ThresholdNeurons(graph, scores, 0.4, signed: false).Neurons!));
        Assert.Equal([0, 5], Members(CircuitSelection.ThresholdNeurons(graph, scores, 0.2, signed: true).Neurons!));
        // Without the input nothing is reached: edges and neurons are pruned.
        var unreached = CircuitSelection.TopNeurons(graph, scores, 1, signed: false);
        Assert.Equal((0, 0), (unreached.EdgeCount, unreached.Neurons!.Count));
        // Ties: the lower number.
        Assert.Equal([0, 1, 2], Members(CircuitSelection.TopNeurons(graph, new double[10], 3, signed: false).Neurons!));
    }

    [Fact]
    public void WrongNumbersAreRefused()
    {
        var graph = new ModelGraph(1, 1);
        Assert.Throws<InputException>(() => CircuitSelection.TopNeurons(graph, new double[6], 7, signed: false));
        Assert.Contains("neuron 1 of a0.h0", Assert.Throws<InputException>(() => CircuitSelection.TopNeurons(graph, [0, 0, 0, double.NaN, 0, 0], 1, signed: false)).Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => CircuitSelection.TopNeurons(graph, new double[7], 1, signed: false));
        Assert.Throws<ArgumentException>(() => new NeuronSet(graph, 2, [6]));
        using var weights = RandomModels.Gpt2(31);
        var other = new Circuit(Graph(weights), [], new NeuronSet(Graph(weights), weights.Config.Width + 1, []));
        Assert.Throws<InputException>(() => Evaluate(weights, RandomExamples.Create(32, weights.Config.Vocabulary), [other], Ablation.Patching));
    }

    [Fact]
    public void ResultsHaveTheSameBitsForAnyThreads()
    {
        using var weights = RandomModels.Llama(41);
        var data = RandomExamples.Create(42, weights.Config.Vocabulary);
        var graph = Graph(weights);
        Circuit[] circuits = [new(graph, Circuit.Full(graph).Edges, new NeuronSet(graph, weights.Config.Width, Enumerable.Range(0, graph.Sources * weights.Config.Width).Where(n => n % 3 > 0)))];
        var expected = Evaluate(weights, data, circuits, Ablation.Patching, threads: 1)[0].Circuit;
        Assert.Equal(expected, Evaluate(weights, data, circuits, Ablation.Patching, threads: 3)[0].Circuit);
        Assert.Equal(expected[2], Evaluate(weights, [data[2]], circuits, Ablation.Patching)[0].Circuit[0]);
    }

    private static int[] Members(NeuronSet neurons) => [.. Enumerable.Range(0, neurons.Most).Where(n => neurons.Contains(new(n / neurons.Width), n % neurons.Width))];

    private static ModelGraph Graph(ModelWeights weights) => new(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);

    private static IReadOnlyList<Faithfulness> Evaluate(ModelWeights weights, IReadOnlyList<Example> data, IReadOnlyList<Circuit> circuits, Ablation ablation, int threads = 2)
    {
        using var device = new HostDevice(threads);
        using var model = new Transformer(device, weights);
        return CircuitEvaluator.Evaluate(model, data, circuits, new EvaluationOptions { Ablation = ablation });
    }
}
