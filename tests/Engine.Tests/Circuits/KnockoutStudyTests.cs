using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

/// <summary>Knock-outs against circuits cut in another way: without every edge that has a node of K at either end.</summary>
public class KnockoutStudyTests
{
    [Fact]
    public void SetsAreKnockedOutOfCircuitAndModel()
    {
        using var device = new HostDevice(2);
        using var weights = RandomModels.Gpt2(71);
        using var model = new Transformer(device, weights);
        var (data, graph) = (RandomExamples.Create(72, weights.Config.Vocabulary), model.Graph);
        var circuit = RandomCircuits.Sample(graph, graph.Edges / 2, seed: 3);
        var study = KnockoutStudy.Run(model, data, circuit, new EvaluationOptions(), sets: 5, seed: 7);
        Assert.Equal(5, study.Sets.Count);
        foreach (var set in study.Sets.Append(study.Greedy!))
        {
            Assert.Equal(Without(circuit, set.Nodes), set.Circuit, 1e-6);
            Assert.Equal(Without(Circuit.Full(graph), set.Nodes), set.Model, 1e-6);
        }
        Assert.True(study.Greedy!.Difference > 0.01);
        Assert.Equal(study.Needs.OrderBy(n => n.Difference), study.Needs);
        foreach (var need in study.Needs)
        {
            Assert.DoesNotContain(need.Node, need.Set);
            Assert.Equal(Math.Abs(Without(circuit, need.Set) - Without(circuit, [.. need.Set, need.Node])), need.Difference, 1e-6);
            Assert.True(need.Difference >= Math.Abs(Without(circuit, []) - Without(circuit, [need.Node])) - 1e-6); // K empty is one of those tried
        }
        Assert.Equal(study.Sets.Select(s => s.Nodes), KnockoutStudy.Run(model, data, circuit, new EvaluationOptions(), sets: 5, seed: 7).Sets.Select(s => s.Nodes));

        double Without(Circuit from, IReadOnlyList<NodeId> nodes) => CircuitEvaluator.Evaluate(model, data,
            [new Circuit(graph, from.Edges.Where(e => !nodes.Contains(graph.SourceOf(e)) && !nodes.Contains(graph.TargetOf(e))))], MetricKind.LogitDifference)[0].Normalised;
    }

    [Fact]
    public void ACircuitWithoutHeadsAndMlpsHasNothingToKnockOut()
    {
        using var device = new HostDevice(1);
        using var weights = RandomModels.Gpt2(73);
        using var model = new Transformer(device, weights);
        var study = KnockoutStudy.Run(model, RandomExamples.Create(74, weights.Config.Vocabulary), new Circuit(model.Graph, [new(model.Graph.LogitsColumn)]), new EvaluationOptions(), sets: 5, seed: 7);
        Assert.Empty(study.Sets);
        Assert.Null(study.Greedy);
        Assert.Empty(study.Needs);
    }
}
