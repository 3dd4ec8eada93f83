using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Planning;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>Every entrance to the passes refuses what a model has no rows for: devices read the rows that ids name without looking.</summary>
public sealed class PromptLimitsTests
{
    private static readonly Example Good = new([1, 2, 3], [1, 4, 3], [5], [6]);

    public static TheoryData<string> Entrances() => [.. All.Keys];

    private static readonly Dictionary<string, Action<Transformer, IReadOnlyList<Example>>> All = new(StringComparer.Ordinal)
    {
        ["eap-ig"] = (m, data) => Attributor.Run(m, data, new()),
        ["exact"] = (m, data) => Attributor.Run(m, data, new() { Method = "exact" }),
        ["information-flow"] = (m, data) => Attributor.Run(m, data, new() { Method = "ifr" }),
        ["mean ablation"] = (m, data) => Attributor.Run(m, [Good], new() { Ablation = Ablation.Mean, AblationData = data }),
        ["patching data"] = (m, data) => Attributor.Run(m, [Good], new() { AblationData = data }),
        ["evaluation"] = (m, data) => CircuitEvaluator.Evaluate(m, data, [Circuit.Full(m.Graph)], MetricKind.LogitDifference),
        ["accuracy"] = (m, data) => Accuracy.Measure(m, data),
        ["plan"] = (m, data) => RunPlanner.Plan(PlanningDevice.Host(1L << 30), RandomModels.Gpt2(1), data, new()),
        ["generate"] = (m, data) => TextGenerator.Continue(m, data[0].Clean.Max() > 52 || data[0].Clean.Min() < 0 || data[0].Clean.Length > 24 ? data[0].Clean : data[0].Corrupted, 1).ToArray(),
    };

    [Theory, MemberData(nameof(Entrances))]
    public void IdsOutsideTheVocabularyAreRefused(string entrance)
    {
        using var weights = RandomModels.Gpt2(1);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var size = weights.Config.Vocabulary;
        foreach (var id in new[] { -1, size, 100_000, int.MaxValue, int.MinValue })
        {
            List<Example> bad = [Good with { Corrupted = [1, id, 3] }];
            if (entrance != "patching data") bad.Add(Good with { Clean = [1, 2, id], Corrupted = [1, 2, id] });
            if (entrance is not ("patching data" or "generate")) bad.AddRange([Good with { Answers = [5, id] }, Good with { Distractors = [id] }]);
            foreach (var example in bad)
            {
                var message = Assert.Throws<InputException>(() => All[entrance](model, [example])).Message;
                Assert.Contains($"token id {id} is outside the model's vocabulary (0 to {size - 1})", message, StringComparison.Ordinal);
                Assert.StartsWith(entrance == "generate" ? "the prompt: " : "example 1: ", message, StringComparison.Ordinal);
            }
        }
    }

    [Theory, MemberData(nameof(Entrances))]
    public void PromptsBeyondTheContextAreRefused(string entrance)
    {
        using var weights = RandomModels.Gpt2(1);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var prompt = new int[weights.Config.Context + 1];
        var message = entrance == "generate" // which stops where the context ends
            ? Assert.Throws<InputException>(() => TextGenerator.LastLogits(model, prompt)).Message
            : Assert.Throws<InputException>(() => All[entrance](model, [new(prompt, prompt, [1], [2])])).Message;
        if (entrance != "patching data") Assert.Contains($"{prompt.Length} tokens; the model's context holds {weights.Config.Context}", message, StringComparison.Ordinal);
    }

    [Fact]
    public void EmptyAndUnequalPromptsAreRefused()
    {
        using var weights = RandomModels.Gpt2(1);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        Assert.Contains("example 2: the prompt is empty", Assert.Throws<InputException>(() => Accuracy.Measure(model, [Good, new([], [], [1], [2])])).Message, StringComparison.Ordinal);
        Assert.Contains("clean has 3 tokens and corrupted 2", Assert.Throws<InputException>(() => Attributor.Run(model, [Good with { Corrupted = [1, 2] }], new())).Message, StringComparison.Ordinal);
    }

    /// <summary>A context that no prompt uses costs nothing and changes nothing.</summary>
    [Theory]
    [InlineData(1 << 26)]
    [InlineData(1 << 28)]
    [InlineData(int.MaxValue)]
    public void RotaryTablesAreAsLongAsThePrompts(int context)
    {
        using var usual = RandomModels.Create(RandomModels.LlamaConfig(context: 200), 3);
        using var longer = RandomModels.Create(RandomModels.LlamaConfig(context: context), 3);
        using var device = new HostDevice(1);
        using Transformer a = new(device, usual), b = new(device, longer);
        var data = RandomExamples.Create(4, usual.Config.Vocabulary);
        Assert.Equal(Attributor.Run(a, data, new()).Scores.Values, Attributor.Run(b, data, new()).Scores.Values);
        Assert.InRange(b.Bytes, 1, 1 << 20);
        // A longer prompt than any before makes the tables longer.
        int[] prompt = [.. Enumerable.Range(0, 150).Select(i => i % 50)];
        Assert.Equal(TextGenerator.LastLogits(a, prompt), TextGenerator.LastLogits(b, prompt));
        Assert.Equal(Attributor.Run(a, data, new()).Scores.Values, Attributor.Run(b, data, new()).Scores.Values);
        Assert.Equal(a.Bytes, b.Bytes, 3000.0);
    }

    /// <summary>Attention whose scores overflow is refused on every width of registers, and in the same words.</summary>
    [Theory]
    [InlineData(1e19f)]
    [InlineData(1e25f)]
    public void OverflowIsRefusedAlike(float scale)
    {
        var messages = new HashSet<string>();
        foreach (var width in new[] { SimdWidth.Portable, SimdWidth.V256, SimdWidth.V512 }.Where(w => w <= HostDevice.Widest))
        {
            using var weights = RandomModels.Llama(5);
            var norm = weights.Layers[0].AttentionNormScale!;
            for (var i = 0; i < norm.Length; i++) norm[i] *= scale;
            using var device = new HostDevice(1, width);
            using var model = new Transformer(device, weights);
            messages.Add(Assert.Throws<InputException>(() => Attributor.Run(model, RandomExamples.Create(4, weights.Config.Vocabulary), new())).Message);
            Assert.Contains(FiniteMetric.Overflow, Assert.Throws<InputException>(() => TextGenerator.LastLogits(model, [1, 2, 3])).Message, StringComparison.Ordinal);
        }
        Assert.Contains(FiniteMetric.Overflow, Assert.Single(messages), StringComparison.Ordinal);
    }
}
