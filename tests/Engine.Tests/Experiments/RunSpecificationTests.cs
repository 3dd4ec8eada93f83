using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.KnownCircuits;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Xunit;

namespace Faith.Engine.Tests.Experiments;

/// <summary>A run parses back from its record, whatever it was.</summary>
public sealed class RunSpecificationTests
{
    private static RunSpecification Of(AttributionOptions scoring) => new() { Model = "m", Data = "d.jsonl", Examples = 3, Scoring = scoring };

    public static TheoryData<string> Methods => [.. AttributionMethods.All.Select(m => m.Name)];

    [Theory]
    [MemberData(nameof(Methods))]
    public void Every_method_parses_back_from_its_record(string method)
    {
        foreach (var level in ScoreLevels.Names)
        {
            var run = Of(new() { Method = method, Steps = 7, Rule = IntegrationRule.Midpoint, Metric = MetricKind.ProbabilityDifference, Ablation = Ablation.Mean, Level = ScoreLevels.Parse(level) }) with
            {
                Seed = 4, Select = "greedy", Signed = true, Sizes = [3, 10],
            };
            Assert.Equal(run.Identity, RunSpecification.Of(Record(run)).Identity);
        }
    }

    [Fact]
    public void Settings_that_do_nothing_are_not_part_of_a_run()
    {
        Assert.Equal(Of(new() { Method = "eap", Steps = 5 }).Identity, Of(new() { Method = "eap", Steps = 9, Rule = IntegrationRule.Right }).Identity);
        Assert.NotEqual(Of(new() { Steps = 5 }).Identity, Of(new() { Steps = 9 }).Identity);
        var selects = Of(new()) with { Sizes = [5], Select = "greedy" };
        Assert.Equal(Of(new()).ScoringIdentity, selects.ScoringIdentity);
        Assert.NotEqual(selects.Identity, (selects with { Signed = true }).Identity);
        Assert.Equal(selects.Identity, (selects with { Negative = 0.5 }).Identity);
        var ratio = selects with { Select = "ratio", Negative = 0.35 };
        Assert.NotEqual(ratio.Identity, (ratio with { Negative = 0.5 }).Identity);
        Assert.Equal(ratio.Identity, RunSpecification.Of(Record(ratio)).Identity);
        var stable = selects with { Select = "stable", HeldOut = 20 };
        Assert.Equal(stable.Identity, RunSpecification.Of(Record(stable)).Identity);
        Assert.NotEqual(stable.ScoringIdentity, (stable with { HeldOut = null }).ScoringIdentity);
    }

    [Fact]
    public void Positions_and_combinations_parse_back()
    {
        var run = Of(new() { Method = "eap", Positions = PositionKind.Spans }) with { Combination = MethodCombination.Parse("gim + eap-ig") };
        var back = RunSpecification.Of(Record(run));
        Assert.Equal(PositionKind.Spans, back.Scoring.Positions);
        Assert.Equal("gim+eap-ig by mean", back.Combination!.ToString());
        Assert.Equal(run.Identity, back.Identity);
        Assert.NotEqual(Of(new() { Method = "eap" }).Identity, (run with { Combination = null }).Identity);
    }

    [Fact]
    public void Thresholds_parse_back()
    {
        var run = Of(new() { Method = "acdc", Thresholds = [0.001, 1 / 3.0] });
        Assert.Equal([0.001, 1 / 3.0], RunSpecification.Of(Record(run)).Scoring.Thresholds);
    }

    [Fact]
    public void Backward_rules_parse_back_where_a_method_takes_any()
    {
        var run = Of(new() { Method = "eap", Rules = GradientRules.Gim });
        Assert.Equal(GradientRules.Gim, RunSpecification.Of(Record(run)).Scoring.Rules);
        Assert.NotEqual(run.Identity, Of(new() { Method = "eap" }).Identity);
        Assert.Equal(Of(new() { Method = "gim" }).Identity, Of(new() { Method = "gim", Steps = 1 }).Identity);
        Assert.Equal(Of(new() { Method = "ifr" }).Identity, Of(new() { Method = "ifr", Rules = GradientRules.Gim }).Identity);
    }

    [Fact]
    public void A_record_that_says_something_else_is_refused()
    {
        var record = Record(Of(new()));
        Assert.Contains("names no model", Assert.Throws<InputException>(() => RunSpecification.Of(record with { Model = null })).Message, StringComparison.Ordinal);
        Assert.Contains("did you mean eap-ig?", Assert.Throws<InputException>(() => RunSpecification.Of(record with { Method = "eap-gi" })).Message, StringComparison.Ordinal);
        Assert.Contains("--top", Assert.Throws<InputException>(() => RunSpecification.Of(record with { Options = new Dictionary<string, string> { ["top"] = "3" } })).Message, StringComparison.Ordinal);
    }

    // The record as the engine makes it, of a run on a tiny model.
    private static ScoreFiles.RunRecord Record(RunSpecification run)
    {
        using var device = Kernels.Devices.Open("cpu", 1);
        using var model = new Transformer(device, InductionModel.Create().Weights);
        var data = Engine.Data.PromptSet.FromExamples("d.jsonl", InductionModel.Examples(3, seed: 0));
        var result = Attributor.Run(model, data, new() { Method = "eap" });
        return RunRecords.Of(run, model, data, null, result);
    }
}
