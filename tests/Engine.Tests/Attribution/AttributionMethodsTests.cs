using Faith.Engine.Attribution;
using Faith.Engine.Compatibility;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>What every row of the table of methods must have beside it: a case against the oracle and its places in the document.</summary>
public class AttributionMethodsTests
{
    private const string Document = "docs/methods.md";
    private const int Steps = 3;
    private static readonly AttributionOptions Options = new() { Steps = Steps, Thresholds = [0.01, 0.05, 0.2], TrainSteps = 4, LearningRate = 0.1, Seed = 2 };

    private static readonly Dictionary<string, Func<ModelWeights, IReadOnlyList<Example>, double[]>> Oracles = new()
    {
        ["eap"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.Eap),
        ["eap-ig"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.EapIg, Steps),
        ["clean-corrupted"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.CleanCorrupted),
        ["relp"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.EapIg, Steps, rules: GradientRules.Relevance),
        ["relp-qk"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.EapIg, Steps, rules: GradientRules.RelevanceWithQueriesAndKeys),
        ["attnlrp"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.EapIg, Steps, rules: GradientRules.AttnLrp),
        ["gim"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.EapIg, Steps, rules: GradientRules.Gim),
        ["eap-qkfix"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.QkFix),
        ["eap-graddrop"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.GradDrop),
        ["eap-ig-activations"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.EapIgActivations, Steps),
        ["exact"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.Exact),
        ["ifr"] = (weights, data) => OracleRun.Scores(weights, data, OracleMethod.InformationFlowRoutes),
        ["acdc"] = (weights, data) => LiteralDiscovery.Scores(new ModelGraph(weights.Config.Layers, weights.Config.Heads), Options.Thresholds!,
            circuit => -OracleRun.Circuit(weights, data, circuit).Circuit.Average()),
        ["mattr"] = (weights, data) => LiteralMasks.Matryoshka(weights, data, Options.TrainSteps!.Value, Options.LearningRate!.Value, Options.Seed),
        ["edge-pruning"] = (weights, data) => LiteralMasks.EdgePruning(weights, data, Options.TrainSteps!.Value, Options.LearningRate!.Value, Options.Seed, EdgePruningMethod.DefaultTargetShare),
    };

    public static TheoryData<string> Names() => [.. AttributionMethods.All.Select(m => m.Name)];

    [Theory, MemberData(nameof(Names))]
    public void EveryMethodHasAnOracle(string name)
    {
        Assert.True(Oracles.TryGetValue(name, out var oracle), $"{name} has no case in {nameof(Oracles)}");
        using var weights = RandomModels.Create(RandomModels.Gpt2Config(heads: 2), 1);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary, count: 3, longest: 5);
        Close.Check(oracle(weights, data), Scoring.Scores(weights, data, Options with { Method = name }), 1e-5, name);
    }

    [Theory, MemberData(nameof(Names))]
    public void EveryMethodHasASection(string name) => Assert.Contains($"## {name}", Documents.Lines(Document));

    [Fact]
    public void EveryTableOfMethodsHasThemAll()
    {
        var tables = Documents.Tables(Document).Where(table => table[0][0] == "method").ToArray();
        Assert.Equal(4, tables.Length); // what they compute, the known circuit, what they cost, and with which selection they do what
        var names = AttributionMethods.All.Select(m => m.Name).Order(StringComparer.Ordinal);
        Assert.All(tables, table => Assert.Equal(names, table.Skip(1).Select(row => row[0]).Distinct().Order(StringComparer.Ordinal)));
    }

    [Fact]
    public void EveryCompatibilityModeHasAColumn() =>
        Assert.Single(Documents.Tables(Document), table => table[0].Skip(1).SequenceEqual(CompatibilityMode.All.Select(mode => mode.Name)));
}
