using Faith.Engine.Data;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>The parts of the oracle that neither the goldens nor the hand-worked model reach, each on numbers taken by hand.</summary>
public sealed class OraclePartTests
{
    [Fact]
    public void Metrics()
    {
        // Clean p = (½, ½), this run q = (¼, ¾).
        double[] clean = [0, 0];
        double[] logits = [0, Math.Log(3)];
        var example = new Example([0], [1], Answers: [1], Distractors: [0]);
        double Metric(OracleMetric metric) => LiteralMetric.Evaluate(metric, logits, example, clean);

        Assert.Equal(Math.Log(3), Metric(OracleMetric.LogitDiff), 1e-15);
        Assert.Equal(0.5, Metric(OracleMetric.ProbDiff), 1e-15);
        // Both divergences are averaged over the two tokens.
        Assert.Equal((Math.Log(2.0) / 2 + Math.Log(2.0 / 3) / 2) / 2, Metric(OracleMetric.Kl), 1e-15);
        // m = (⅜, ⅝): p/m = (4/3, 4/5), q/m = (2/3, 6/5).
        var js = (Math.Log(4.0 / 3) / 2 + Math.Log(4.0 / 5) / 2) / 2 + (Math.Log(2.0 / 3) / 4 + Math.Log(6.0 / 5) * 3 / 4) / 2;
        Assert.Equal(js / 2, Metric(OracleMetric.Js), 1e-15);

        // Minus a difference and plus a divergence is a loss.
        Assert.Equal(-Math.Log(3), LiteralMetric.Loss(OracleMetric.LogitDiff, logits, example, clean), 1e-15);
        Assert.Equal(js / 2, LiteralMetric.Loss(OracleMetric.Js, logits, example, clean), 1e-15);
    }

    [Fact]
    public void LogitsAreAveragedAndProbabilitiesAdded()
    {
        // Probabilities 1/10, 2/10, 3/10, 4/10.
        var logits = new double[] { 1, 2, 3, 4 }.Select(p => Math.Log(p)).ToArray();
        var example = new Example([0], [1], Answers: [3, 1], Distractors: [0]);
        Assert.Equal((Math.Log(4) + Math.Log(2)) / 2, LiteralMetric.Evaluate(OracleMetric.LogitDiff, logits, example, logits), 1e-15);
        Assert.Equal((Math.Log(0.4) + Math.Log(0.2)) / 2, LiteralMetric.Evaluate(OracleMetric.LogProb, logits, example, logits), 1e-15);
        Assert.Equal(-(Math.Log(0.4) + Math.Log(0.2)) / 2, LiteralMetric.Loss(OracleMetric.LogProb, logits, example, logits), 1e-15);
        Assert.Equal(0.6 - 0.1, LiteralMetric.Evaluate(OracleMetric.ProbDiff, logits, example, logits), 1e-15);
    }

    [Fact]
    public void RotaryTurnsPairsOfHalvesByPosition()
    {
        // Pairs are (0, 2) and (1, 3); column 4 stays. Position 0 stays; position 1 turns the first pair by 90°, the second by 180°.
        var turned = new Tape().Rotate(Tape.Leaf(2, 5, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]), new([Math.PI / 2, Math.PI]));
        Assert.Equal([1, 2, 3, 4, 5], turned.Row(0));
        Assert.Equal([-3, -2, 1, -4, 5], turned.Row(1).Select(x => Math.Round(x, 12)));
    }

    [Fact]
    public void InterleavedRotaryTurnsNeighbours()
    {
        var turned = new Tape().Rotate(Tape.Leaf(2, 5, [1, 2, 3, 4, 5, 1, 2, 3, 4, 5]), new([Math.PI / 2, Math.PI], Amplitude: 2, Interleaved: true));
        Assert.Equal([2, 4, 6, 8, 5], turned.Row(0));
        Assert.Equal([-4, 2, -6, -8, 5], turned.Row(1).Select(x => Math.Round(x, 12)));
    }

    [Fact]
    public void RotaryFrequencies()
    {
        Assert.Equal([1, 0.1, 0.01], LiteralRotary.FrequenciesOf(new(1000, 6), 1).Select(f => Math.Round(f, 12)));

        // A context of 32 between factors 1 and 4: wavelengths up to 8 are kept, those beyond 32 stretched by 8.
        // Frequencies 1, ¼, 1/16 have the wavelengths 2π, 8π and 32π. The middle one lies between: 32/8π = 4/π, blended by (4/π − 1)/3.
        var kept = (4 / Math.PI - 1) / 3;
        var frequencies = LiteralRotary.FrequenciesOf(new(64, 6) { Scaling = new Llama3Scaling(8, 1, 4, 32) }, 1);
        Assert.Equal(1, frequencies[0], 1e-15);
        Assert.Equal(kept / 4 + (1 - kept) / 32, frequencies[1], 1e-15);
        Assert.Equal(1.0 / 128, frequencies[2], 1e-15);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void TheMlpOfAParallelBlockReadsWhatItsHeadsRead(bool parallel)
    {
        using var weights = RandomModels.Create(RandomModels.Gpt2Config() with { ParallelBlocks = parallel }, 1);
        var model = new LiteralModel(weights);
        var run = model.Run([3, 1, 4]);
        for (var l = 0; l < 2; l++)
        {
            var heads = run.Inputs[model.Graph.MlpColumn(l) - 1].Data;
            Assert.Equal(parallel, heads.SequenceEqual(run.Inputs[model.Graph.MlpColumn(l)].Data));
        }
    }

    [Fact]
    public void MeansOfRaggedPrompts()
    {
        // The output of input is the embedding, so that its means are means of embeddings.
        using var weights = RandomModels.Gpt2(2);
        var model = new LiteralModel(weights);
        var embedding = LiteralMatrix.Read(weights.Embedding);
        int[][] prompts = [[3], [4, 5, 6]];
        var example = new Example([7, 8, 9], [7, 8, 10], [0], [1]);

        var mean = LiteralAblation.Of(OracleAblation.Mean, model, prompts)(example)[0];
        var positional = LiteralAblation.Of(OracleAblation.MeanPositional, model, prompts)(example)[0];
        for (var c = 0; c < model.Width; c++)
        {
            var sum = embedding[3][c] + embedding[4][c] + embedding[5][c] + embedding[6][c];
            for (var t = 0; t < 3; t++) Assert.Equal(sum / 4, mean[t, c], 1e-15);
            Assert.Equal((embedding[3][c] + embedding[4][c]) / 2, positional[0, c], 1e-15);
            Assert.Equal(embedding[5][c], positional[1, c], 1e-15);
            Assert.Equal(embedding[6][c], positional[2, c], 1e-15);
        }
    }

    [Fact]
    public void RandomExamplesHaveTheCasesTheyPromise()
    {
        var examples = RandomExamples.Create(1, 50, count: 12);
        Assert.All(examples, e => Assert.Equal(e.Clean.Length, e.Corrupted.Length));
        Assert.All(examples, e => Assert.NotEqual(e.Clean, e.Corrupted));
        Assert.All(examples, e => Assert.Empty(e.Answers.Intersect(e.Distractors)));
        Assert.Contains(examples, e => e.FirstDifference == 0);
        Assert.Contains(examples, e => e.FirstDifference == e.Clean.Length - 1 && e.Clean.Length > 2);
        Assert.True(examples.Select(e => e.Clean.Length).Distinct().Count() > 3);
    }
}
