using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Metrics;

public sealed class AccuracyTests
{
    [Theory]
    [InlineData("stories260k")]
    [InlineData("gpt2")]
    public void Agrees_with_the_logits_of_every_prompt(string shape)
    {
        using var weights = RandomWeights.Create(shape, layers: 2);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var data = RandomExamples.Create(3, weights.Config.Vocabulary, count: 12);
        var accuracy = Accuracy.Measure(model, data);

        Check(accuracy.Clean, e => e.Clean);
        Check(accuracy.Corrupted, e => e.Corrupted);
        Assert.Equal(accuracy.Clean.Count(p => p.IsRight) / 12.0, accuracy.CleanRight, 12);
        Assert.Equal(accuracy.Clean.Count(p => p.AnswerShare > 0.5) / 12.0, accuracy.CleanLikelier, 12);
        Assert.Equal(1 - accuracy.Corrupted.Count(p => p.IsRight) / 12.0, accuracy.CorruptedChanged, 12);

        void Check(IReadOnlyList<Preference> found, Func<Example, int[]> prompt)
        {
            Assert.Equal(data.Length, found.Count);
            for (var i = 0; i < data.Length; i++)
            {
                var logits = TextGenerator.LastLogits(model, prompt(data[i]));
                double right = data[i].Answers.Sum(t => Math.Exp(logits[t])), wrong = data[i].Distractors.Sum(t => Math.Exp(logits[t]));
                Assert.Equal(right / (right + wrong), found[i].AnswerShare, 4);
                Assert.Equal(data[i].Answers.Max(t => logits[t]) > data[i].Distractors.Max(t => logits[t]), found[i].IsRight);
            }
        }
    }

    [Fact]
    public void A_tie_is_not_right()
    {
        Assert.Equal(new Preference(false, 0.5), Preference.Of([1, 1], 1));
        Assert.Equal(new Preference(true, 1), Preference.Of([5000, 0], 1));
        // Two middling answers are likelier together than one distractor that beats both.
        var two = Preference.Of([1, 1, 1.2f], 2);
        Assert.Equal((false, true), (two.IsRight, two.AnswerShare > 0.5));
    }

    [Fact]
    public void An_empty_set_is_refused()
    {
        using var weights = RandomWeights.Create("stories260k", layers: 1);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        Assert.Throws<InputException>(() => Accuracy.Measure(model, []));
    }
}
