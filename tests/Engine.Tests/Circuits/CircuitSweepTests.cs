using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Circuits evaluated together: distinct nodes once, and nothing else changes.</summary>
public class CircuitSweepTests
{
    [Theory]
    [InlineData("gpt2", Ablation.Patching)]
    [InlineData("gpt2", Ablation.Zero)]
    [InlineData("llama", Ablation.Patching)]
    [InlineData("norms of inputs and outputs", Ablation.Patching)]
    [InlineData("queries and keys of all heads normed together", Ablation.Patching)]
    [InlineData("queries and keys of all heads normed together", Ablation.Zero)]
    public void ACircuitHasTheSameBitsAloneAndInASweep(string family, Ablation ablation)
    {
        using var weights = Scoring.Models[family]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var circuits = Sweep(model, 40);
        var options = new EvaluationOptions { Ablation = ablation };
        var together = CircuitEvaluator.Evaluate(model, data, circuits, options);
        for (var i = 0; i < circuits.Length; i++)
        {
            var alone = CircuitEvaluator.Evaluate(model, data, [circuits[i]], options)[0];
            Assert.Equal(alone.Circuit, together[i].Circuit);
        }
    }

    [Fact]
    public void ANodeWithTheSameInputsIsComputedOnce()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var circuit = Sweep(model, 11)[^2];
        // One more edge, into logits: every node has the inputs that it had.
        var more = new Circuit(model.Graph, [.. circuit.Edges, new(model.Graph.LogitsColumn)]);
        Assert.NotEqual(circuit.EdgeCount, more.EdgeCount);
        long Flops(params Circuit[] circuits)
        {
            var before = device.MatrixFlops;
            CircuitEvaluator.Evaluate(model, data, circuits, MetricKind.LogitDifference);
            return device.MatrixFlops - before;
        }
        var (ends, one) = (Flops(), Flops(circuit));
        Assert.True(one > ends);
        Assert.Equal(one, Flops(circuit, more));
        Assert.Equal(one, Flops(circuit, circuit, circuit));
    }

    [Fact]
    public void CircuitsAreHeldTogetherAsFarAsTheirNodesFit()
    {
        var graph = new ModelGraph(2, 2);
        // The input alone, the input and one head, and every node there is.
        var (one, two, all) = (Inputs(graph, [new(graph.LogitsColumn)]), Inputs(graph, [new(graph.HeadColumn(0, InputKind.Value, 1)), new(2 * graph.Columns + graph.LogitsColumn)]), Inputs(graph, Circuit.Full(graph).Edges));
        Assert.Equal((1, 2, graph.Sources), (one.Nodes.Count, two.Nodes.Count, all.Nodes.Count));
        static int[] Sizes(IEnumerable<CircuitInputs> circuits, int nodes) => [.. CircuitProgram.Cut(circuits, nodes).Select(group => group.Count)];
        Assert.Equal([3, 1, 2], Sizes([one, two, two, all, one, one], 5));
        Assert.Equal([1, 1], Sizes([all, all], 5));
        Assert.Equal([6], Sizes([one, two, two, all, one, one], 1000));
        Assert.Empty(Sizes([], 5));

        var program = new CircuitProgram(graph, [one, two, two, all]);
        Assert.Equal(1 + 1 + graph.Sources - 1, program.Nodes.Count); // one input, the head, and the heads and MLPs of the full circuit
        Assert.Equal((0, 1), program.Stage(0));
        Assert.Equal((1, 4), program.Stage(ModelGraph.HeadsStage(0)));
        Assert.Equal((4, 5), program.Stage(ModelGraph.MlpStage(0)));
        Assert.Equal(program.Logits[1], program.Logits[2]);
    }

    [Fact]
    public void ANodeThatOneCircuitReadsEverywhereServesOneThatReadsItsLastRow()
    {
        var graph = new ModelGraph(2, 2);
        // m0 into logits alone, and into a value of layer 1 besides; both feed m0 from the input.
        EdgeId[] last = [graph.Edge(ModelGraph.InputNode, graph.MlpColumn(0)), graph.Edge(graph.MlpNode(0), graph.LogitsColumn)];
        EdgeId[] everywhere = [.. last, graph.Edge(graph.MlpNode(0), graph.HeadColumn(1, InputKind.Value, 0)), graph.Edge(graph.HeadNode(1, 0), graph.LogitsColumn)];
        var program = new CircuitProgram(graph, [Inputs(graph, last), Inputs(graph, everywhere)]);
        Assert.Equal([ModelGraph.InputNode, graph.MlpNode(0), graph.HeadNode(1, 0)], program.Nodes.Select(node => node.Source));
        Assert.Equal([true, true, false], program.Nodes.Select(node => node.OnAllRows));
        Assert.Equal([[1], [1, 2]], program.Logits);
        Assert.False(new CircuitProgram(graph, [Inputs(graph, last)]).Nodes[1].OnAllRows);
    }

    [Theory]
    [InlineData("gpt2-xl")]
    [InlineData("llama-1b")]
    public void ALargeModelIsEvaluatedInTheMemoryThatIsTakenByDefault(string shape)
    {
        using var weights = RandomWeights.Create(shape);
        using var device = PlanningDevice.Host(1L << 40);
        using var model = new Transformer(device, weights);
        int[] tokens = [.. Enumerable.Range(0, 15)];
        var batch = new Batch(weights.Config, [new Example(tokens, [.. Enumerable.Reverse(tokens)], [1], [2])], sharePrefixes: true);
        long Bytes(int circuits) => CircuitRun.Largest(model, batch, MetricKind.LogitDifference, null, circuits, device.Limits.Workspace).Bytes;
        Assert.InRange(Bytes(1), 1, 200_000_000);
        Assert.InRange(Bytes(100), 2 * Bytes(1), device.Limits.Workspace);
    }

    private static CircuitInputs Inputs(ModelGraph graph, IEnumerable<EdgeId> edges) => new(new Circuit(graph, edges), patching: true);

    /// <summary>Growing circuits, every fourth of them of neurons.</summary>
    private static Circuit[] Sweep(Transformer model, int count)
    {
        var graph = model.Graph;
        var random = new Random(3);
        var edges = Circuit.Full(graph).Edges.Where(e => e != graph.LogitsColumn).ToArray();
        random.Shuffle(edges);
        return [.. Enumerable.Range(1, count).Select(i =>
        {
            var neurons = i % 4 == 0 ? new NeuronSet(graph, model.Config.Width, Enumerable.Range(0, graph.Sources * model.Config.Width).Where(_ => random.Next(3) > 0)) : null;
            var chosen = edges[..(edges.Length * i / count)];
            return neurons is null ? new Circuit(graph, chosen) : new Circuit(graph, chosen, neurons);
        })];
    }
}
