using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Metrics;

/// <summary>Logits with a bias and a soft cap, in all that is made of logits.</summary>
public class LogitHeadTests
{
    [Theory]
    [InlineData(MetricKind.LogitDifference, OracleMetric.LogitDiff)]
    [InlineData(MetricKind.ProbabilityDifference, OracleMetric.ProbDiff)]
    [InlineData(MetricKind.KullbackLeibler, OracleMetric.Kl)]
    [InlineData(MetricKind.JensenShannon, OracleMetric.Js)]
    [InlineData(MetricKind.LogProbability, OracleMetric.LogProb)]
    public void EveryMetricHasTheirGradient(MetricKind metric, OracleMetric oracleMetric)
    {
        using var weights = Scoring.CappedModel();
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        Scoring.Compare(weights, data, new() { Method = "eap-ig", Steps = 3, Metric = metric }, OracleMethod.EapIg, metric: oracleMetric);
    }

    [Fact]
    public void LogitsAreCapped()
    {
        using var weights = Scoring.CappedModel();
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        foreach (var example in RandomExamples.Create(4, weights.Config.Vocabulary))
        {
            var logits = Array.ConvertAll(TextGenerator.LastLogits(model, example.Clean), logit => (double)logit);
            Assert.All(logits, logit => Assert.InRange(logit, -3, 3));
            Close.Check(new LiteralModel(weights).Run(example.Clean).LastLogits, logits, 1e-5, "logits");
        }
    }

    [Fact]
    public void PreferencesAreThoseOfCappedLogits()
    {
        using var weights = Scoring.CappedModel();
        var data = RandomExamples.Create(5, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var oracle = new LiteralModel(weights);
        Close.Check([.. data.Select(example => AnswerShare(oracle.Run(example.Clean).LastLogits, example))], [.. Accuracy.Measure(model, data).Clean.Select(p => p.AnswerShare)], 1e-5, "answers");
    }

    private static double AnswerShare(double[] logits, Example example)
    {
        var (answers, distractors) = (example.Answers.Sum(token => Math.Exp(logits[token])), example.Distractors.Sum(token => Math.Exp(logits[token])));
        return answers / (answers + distractors);
    }
}
