using System.Text.Json.Nodes;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Other rules than the derivative, one by one and together, against the literal float64 oracle and against public programs' numbers.</summary>
public sealed class GradientRuleTests
{
    private static readonly string[] Presets = ["relp", "relp-qk", "attnlrp", "gim"];
    private static readonly string[] Several = ["gpt2, 3 layers, untied, narrow", "gpt2, parallel blocks", "llama, tied, one key head, 3 layers", "gated gelu, scaled embedding"];

    /// <summary>Every model with every rule that has a name; relp has tests of its own.</summary>
    public static TheoryData<string, string> ModelsAndPresets()
    {
        var data = new TheoryData<string, string>();
        foreach (var name in Scoring.Models.Keys)
            foreach (var preset in Presets.Skip(1)) data.Add(name, preset);
        return data;
    }

    [Theory, MemberData(nameof(ModelsAndPresets))]
    public void PresetsAgreeWithTheOracleAtEveryLevel(string model, string method) => Scoring.CompareAtEveryLevel(model, new() { Method = method }, OracleMethod.Eap);

    [Theory]
    [InlineData("norm")]
    [InlineData("gate")]
    [InlineData("activation")]
    [InlineData("pattern")]
    [InlineData("softmax")]
    [InlineData("products")]
    [InlineData("pattern,products")]
    [InlineData("softmax,products")]
    [InlineData("norm,gate,activation,softmax,products")]
    public void EverySwitchIsARuleOfItsOwn(string rules)
    {
        foreach (var name in Several) Scoring.CompareAtEveryLevel(name, new() { Method = "eap", Rules = GradientRules.Parse(rules) }, OracleMethod.Eap);
    }

    [Theory]
    [InlineData("attnlrp")]
    [InlineData("gim")]
    public void PresetsAgreeWithTheOracleUnderAblations(string method) => Scoring.CompareUnderAblations(new() { Method = method }, OracleMethod.Eap, Several);

    [Theory]
    [InlineData("relp")]
    [InlineData("relp-qk")]
    [InlineData("attnlrp")]
    [InlineData("gim")]
    public void StepsAverageOverThePath(string method)
    {
        foreach (var name in Several)
        {
            using var weights = Scoring.Models[name]();
            var data = RandomExamples.Create(21, weights.Config.Vocabulary);
            foreach (var (rule, oracle) in new[] { (IntegrationRule.Left, OracleRule.Left), (IntegrationRule.GaussLegendre, OracleRule.GaussLegendre) })
                Scoring.Compare(weights, data, new() { Method = method, Steps = 5, Rule = rule, Metric = MetricKind.ProbabilityDifference }, OracleMethod.EapIg, oracle, OracleMetric.ProbDiff);
            Assert.Equal(Scoring.Scores(weights, data, new() { Method = method }), Scoring.Scores(weights, data, new() { Method = method, Steps = 1 }));
        }
    }

    // The rule belongs to the pass, not to the method: every method that goes back takes it.
    [Theory]
    [InlineData("eap-ig", OracleMethod.EapIg)]
    [InlineData("clean-corrupted", OracleMethod.CleanCorrupted)]
    [InlineData("eap-ig-activations", OracleMethod.EapIgActivations)]
    [InlineData("eap-graddrop", OracleMethod.GradDrop)]
    public void OtherMethodsTakeRules(string method, OracleMethod oracle)
    {
        foreach (var name in Several)
        {
            using var weights = Scoring.Models[name]();
            var data = RandomExamples.Create(22, weights.Config.Vocabulary);
            Scoring.Compare(weights, data, new() { Method = method, Steps = 3, Rules = GradientRules.Gim }, oracle);
        }
    }

    [Fact]
    public void RulesStandInThePlaceOfTheMethodsOwn()
    {
        using var weights = RandomModels.Llama(5);
        var data = RandomExamples.Create(23, weights.Config.Vocabulary);
        Assert.Equal(Scoring.Scores(weights, data, new() { Method = "gim" }), Scoring.Scores(weights, data, new() { Method = "eap", Rules = GradientRules.Gim }));
        Assert.Equal(Scoring.Scores(weights, data, new() { Method = "eap" }), Scoring.Scores(weights, data, new() { Method = "gim", Rules = GradientRules.Parse("none") }));
        foreach (var method in (string[])["eap-qkfix", "exact", "ifr", "acdc"])
            Assert.Contains("--rules", Assert.Throws<InputException>(() => Scoring.Scores(weights, data, new() { Method = method, Rules = GradientRules.Gim })).Message, StringComparison.Ordinal);
    }

    // Only the derivative's scores add up to what the corruption changes.
    [Fact]
    public void ScoresByAnotherRuleClaimNoCompleteness()
    {
        using var weights = RandomModels.Gpt2(5);
        var data = RandomExamples.Create(24, weights.Config.Vocabulary);
        Assert.NotNull(Scoring.Run(weights, data, new() { Steps = 5 }).CompletenessGap);
        Assert.Null(Scoring.Run(weights, data, new() { Steps = 5, Rules = GradientRules.Gim }).CompletenessGap);
        Assert.Null(Scoring.Run(weights, data, new() { Method = "gim", Steps = 5 }).CompletenessGap);
    }

    [Fact]
    public void NamesGoBothWays()
    {
        string[] all = [.. GradientRules.Names];
        foreach (var names in all.Append("none").Append("norm,gate,softmax,products")) Assert.Equal(names, GradientRules.Parse(names).Name());
        Assert.Equal(GradientRules.Gim, GradientRules.Parse(" products , norm,softmax,gate"));
        foreach (var wrong in (string[])["", "norm,", "Norm2", "norm,norm", "pattern,softmax", "none,norm"]) Assert.Throws<InputException>(() => GradientRules.Parse(wrong));
    }

    [Fact]
    public void ScoresHaveTheSameBitsForAnyThreadsMicroBatchAndOrder()
    {
        foreach (var weights in new[] { RandomModels.Gpt2(61), RandomModels.Llama(62) })
            Scoring.CheckBits(weights, RandomExamples.Create(63, weights.Config.Vocabulary, count: 12), new() { Method = "gim" });
    }

    [SharedDataTheory(Golden.Folder)]
    [MemberData(nameof(Goldens))]
    public void Gpt2AgreesWithPublicPrograms(string set, string method) => CompareWithGolden(Golden.Folder, "gpt2-tiny-random", set, method);

    [SharedDataTheory("stories260K")]
    [InlineData("eap")]
    [InlineData("relp")]
    [InlineData("relp-qk")]
    [InlineData("attnlrp")]
    [InlineData("gim")]
    public void LlamaAgreesWithPublicPrograms(string method) => CompareWithGolden("stories260K", "stories260K", "pairs", method);

    /// <summary>Both data sets with every rule.</summary>
    public static TheoryData<string, string> Goldens()
    {
        var data = new TheoryData<string, string>();
        foreach (var set in (string[])["eq", "pad"])
            foreach (var method in Presets.Prepend("eap")) data.Add(set, method);
        return data;
    }

    private static void CompareWithGolden(string model, string folder, string set, string method)
    {
        using var weights = ModelLoader.Load(SharedData.Find(model)!);
        var here = Path.Combine(AppContext.BaseDirectory, "Attribution", "Rules", folder);
        Example[] examples = [.. File.ReadLines(Path.Combine(here, $"{set}.jsonl")).Select(line => JsonNode.Parse(line)!).Select(node =>
            new Example(Ints(node["clean"]!), Ints(node["corrupted"]!), Ints(node["answers"]!), Ints(node["distractors"]!)))];
        var scores = JsonNode.Parse(File.ReadAllText(Path.Combine(here, $"{set}__{(method == "attnlrp" ? "attnlrp-lxt" : method)}.json")))!.AsObject();
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads);
        var expected = new double[graph.Pairs];
        foreach (var edge in Circuit.Full(graph).Edges) expected[edge] = (double)scores[graph.EdgeName(edge)]!;
        Assert.Equal(graph.Edges, scores.Count);
        // The program behind attnlrp divides by u + 1e-10 where we divide by u.
        Close.Check(expected, OracleRun.Scores(weights, examples, OracleMethod.Eap, rules: Scoring.RulesOf(new() { Method = method })), 1e-8, $"oracle, {method}, {set}");
        Close.Check(expected, Scoring.Scores(weights, examples, new() { Method = method }), 2e-5, $"{method}, {set}");
    }

    private static int[] Ints(JsonNode array) => [.. array.AsArray().Select(token => (int)token!)];
}
