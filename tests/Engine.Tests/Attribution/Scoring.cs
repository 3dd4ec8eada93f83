using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>The models that every method is tried on, and its comparison with the oracle.</summary>
internal static class Scoring
{
    private const double Tolerance = 1e-5;

    public static readonly Dictionary<string, Func<ModelWeights>> Models = new()
    {
        ["gpt2"] = () => RandomModels.Gpt2(1),
        ["gpt2, 3 layers, untied, narrow"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3, heads: 3, headDim: 5, mlpWidth: 17, width: 19) with { TiedEmbedding = false }, 2),
        ["gpt2, one layer"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 1), 3),
        ["gpt2, parallel blocks"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with { ParallelBlocks = true }, 4),
        ["llama"] = () => RandomModels.Llama(5),
        ["llama, tied, one key head, 3 layers"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3, keyValueHeads: 1, tied: true, width: 21), 6),
        ["llama, no sharing, partial rotary"] = () => RandomModels.Create(RandomModels.LlamaConfig(keyValueHeads: 4, rotaryDimensions: 4), 7),
        ["llama 3 scaling"] = () => RandomModels.Create(RandomModels.LlamaConfig(scaling: new Llama3Scaling(8, 1, 4, 16)), 8),
        ["rotary by layer: linear, none, interleaved"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3) with
        {
            Rotary = new(new RotaryConfig(10000, 8) { Scaling = new LinearScaling(3) }, null, new RotaryConfig(500, 6) { Interleaved = true }),
        }, 13),
        ["yarn"] = () => RandomModels.Create(RandomModels.LlamaConfig(scaling: new YarnScaling(4, 64, 32, 1, YarnScaling.UsualAttentionFactor(4), true)), 14),
        ["longrope, some prompts long"] = () => RandomModels.Create(RandomModels.LlamaConfig(scaling: new LongRopeScaling([1, 1.1, 1.3, 2], [1.2, 1.5, 4, 9], 5, 1.2)), 15),
        ["norms of queries and keys"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3) with { QueryKeyNorm = QueryKeyNorm.Heads }, 16),
        ["norms of queries and keys, centred, not rotated"] = () => RandomModels.Create(RandomModels.Gpt2Config(headDim: 6) with { QueryKeyNorm = QueryKeyNorm.Heads }, 17),
        ["norms of queries and keys, every head its own, centred, shared keys"] = () => RandomModels.Create(RandomModels.Gpt2Config() with
        {
            KeyValueHeads = 2, QueryKeyNorm = QueryKeyNorm.OwnHeads, Rotary = new RotaryConfig(10000, 4), ParallelBlocks = true,
        }, 21),
        ["positions in attention"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with { PositionsInAttention = true }, 22),
        ["positions in attention, shared keys, norms of every head"] = () => RandomModels.Create(RandomModels.LlamaConfig() with
        {
            Rotary = null, PositionsInAttention = true, QueryKeyNorm = QueryKeyNorm.OwnHeads,
        }, 23),
        ["biases of scores, shared keys"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3, heads: 6) with { Rotary = null, Alibi = new(6) }, 24),
        ["biases of scores, parallel"] = () => RandomModels.Create(RandomModels.Gpt2Config() with { Alibi = new(4), ParallelBlocks = true }, 25),
        ["gpt2, scores divided by the number of the layer"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with
        {
            AttentionScale = new([.. Enumerable.Range(1, 3).Select(layer => (float)(1 / Math.Sqrt(8) / layer))]),
        }, 18),
        ["qwen2"] = () => RandomModels.Qwen2(9),
        ["gelu, parallel, partial rotary"] = () => RandomModels.Create(RandomModels.Gpt2Config() with
        {
            Activation = ActivationFunction.GeluErf, ParallelBlocks = true, Rotary = new RotaryConfig(10000, 4), TiedEmbedding = false,
        }, 10),
        ["relu"] = () => RandomModels.Create(RandomModels.Gpt2Config() with { Activation = ActivationFunction.Relu }, 11),
        // At a stream of zero a norm multiplies by 1/√ε, and one after another soon by more than single precision holds.
        ["norms of inputs and outputs"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3) with { NormsOutputs = true, NormEpsilon = 0.1f }, 13),
        ["norms of outputs alone"] = () => RandomModels.Create(RandomModels.LlamaConfig(keyValueHeads: 4, width: 21) with { NormsInputs = false, NormsOutputs = true }, 14),
        ["queries and keys of all heads normed together"] = () => RandomModels.Create(RandomModels.LlamaConfig(layers: 3) with { NormsInputs = false, NormsOutputs = true, QueryKeyNorm = QueryKeyNorm.Layer, NormEpsilon = 0.1f }, 19),
        ["queries and keys of all heads normed together, centred"] = () => RandomModels.Create(RandomModels.Gpt2Config(heads: 3, headDim: 6) with { QueryKeyNorm = QueryKeyNorm.Layer }, 20),
        ["norms of outputs, parallel, LayerNorm"] = () => RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with { NormsOutputs = true, ParallelBlocks = true }, 15),
        ["gated gelu, scaled embedding"] = () => RandomModels.Create(RandomModels.LlamaConfig(keyValueHeads: 1, tied: true, width: 24) with
        {
            Activation = ActivationFunction.GeluTanh, EmbeddingScale = (float)Math.Sqrt(24),
        }, 12),
        ["windows"] = () => RandomModels.Create(RandomModels.Gpt2Config() with { Windows = [null, 3], AttentionScale = 0.1f }, 13),
        ["soft caps, windows, biased logits"] = CappedModel,
    };

    public static ModelWeights CappedModel() =>
        RandomModels.Create(RandomModels.LlamaConfig() with { Windows = [2, null], AttentionCap = 1.5f, LogitCap = 3 }, 14, logitBias: true);

    public static TheoryData<string> ModelNames() => [.. Models.Keys];

    public static AttributionResult Run(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, int threads = 2)
    {
        using var device = new HostDevice(threads);
        using var model = new Transformer(device, weights);
        return Attributor.Run(model, data, options);
    }

    public static double[] Scores(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, int threads = 2) =>
        Run(weights, data, options, threads).Scores.Values;

    public static void Compare(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options, OracleMethod method,
        OracleRule? rule = null, OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching)
    {
        var expected = OracleRun.Scores(weights, data, method, options.Steps ?? 5, rule, metric, ablation, options.AblationData, RulesOf(options));
        Close.Check(expected, Scores(weights, data, options), Tolerance, $"{options}");
    }

    /// <summary>The rule by which the method that options name goes back.</summary>
    public static GradientRule RulesOf(AttributionOptions options) => AttributionMethods.Find(options.Method) is PathMethod method ? method.RuleOf(options) : GradientRule.Derivative;

    /// <summary>Scores under every ablation but patching, each of the models by name.</summary>
    public static void CompareUnderAblations(AttributionOptions options, OracleMethod method, params IEnumerable<string> models)
    {
        foreach (var name in models)
        {
            using var weights = Models[name]();
            var data = RandomExamples.Create(12, weights.Config.Vocabulary);
            Compare(weights, data, options with { Ablation = Ablation.Zero }, method, ablation: OracleAblation.Zero);
            Compare(weights, data, options with { Ablation = Ablation.Mean }, method, ablation: OracleAblation.Mean);
            Compare(weights, data, options with { Ablation = Ablation.MeanPositional }, method, ablation: OracleAblation.MeanPositional);
        }
    }

    /// <summary>Edges, nodes and neurons of a run at neuron level, and that its edges are those of a run at edge level.</summary>
    public static AttributionResult CompareAtEveryLevel(string model, AttributionOptions options, OracleMethod method)
    {
        using var weights = Models[model]();
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        var result = Run(weights, data, options with { Level = ScoreLevel.Neuron });
        var rules = RulesOf(options);
        Close.Check(OracleRun.Scores(weights, data, method, rules: rules), result.Scores.Values, 1e-5, model);
        Close.Check(OracleRun.NodeScores(weights, data, method, rules: rules), result.NodeScores!, 2e-5, $"nodes, {model}");
        Close.Check(OracleRun.NeuronScores(weights, data, method, rules: rules), result.NeuronScores!, 1e-5, $"neurons, {model}");
        Assert.Equal(result.Scores.Values, Scores(weights, data, options));
        return result;
    }

    /// <summary>The same bits for any threads, micro-batches and order of the examples.</summary>
    public static void CheckBits(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options)
    {
        var expected = Scores(weights, data, options, threads: 1);
        Assert.Equal(expected, Scores(weights, data, options, threads: 2));
        Assert.Equal(expected, Scores(weights, data, options, threads: 3));
        Assert.Equal(expected, Scores(weights, [.. data.Reverse()], options));
        var alone = SmallestBudget(weights, data, options);
        Assert.Equal(expected, Scores(weights, data, options with { MemoryBytes = alone }));
        Assert.Equal(expected, Scores(weights, data, options with { MemoryBytes = 2 * alone }));
    }

    /// <summary>The smallest allowance, to a few per cent, with which every example still fits: micro-batches of one or two.</summary>
    private static long SmallestBudget(ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options)
    {
        for (long bytes = 10_000; ; bytes += bytes / 20)
        {
            try
            {
                Scores(weights, data, options with { MemoryBytes = bytes });
                return bytes;
            }
            catch (InputException)
            {
                // too small: try more
            }
        }
    }
}
