using System.Globalization;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>
/// Parts of models, methods, metrics, ablations and levels in combinations that nobody chose, against the literal float64 oracle. The other tests vary one part at a time; two parts that
/// do not go together show here. A case is its number: FAITH_CROSSED=from-to runs others than those of every run.
/// </summary>
public sealed class CrossedPartsTests
{
    private const int UsualCases = 48;
    // Random parts in a row can make a model that single precision follows less well than those of the other tests; what is wrong is off by far more.
    private const double Tolerance = 2e-4;

    private static readonly (string Method, OracleMethod Oracle)[] Methods =
    [
        ("eap", OracleMethod.Eap), ("eap-ig", OracleMethod.EapIg), ("clean-corrupted", OracleMethod.CleanCorrupted), ("eap-ig-activations", OracleMethod.EapIgActivations),
        ("eap-graddrop", OracleMethod.GradDrop), ("eap-qkfix", OracleMethod.QkFix), ("exact", OracleMethod.Exact),
        ("relp-qk", OracleMethod.Eap), ("attnlrp", OracleMethod.Eap), ("gim", OracleMethod.Eap),
    ];

    private static readonly (MetricKind Metric, OracleMetric Oracle)[] Metrics =
    [
        (MetricKind.LogitDifference, OracleMetric.LogitDiff), (MetricKind.ProbabilityDifference, OracleMetric.ProbDiff), (MetricKind.LogProbability, OracleMetric.LogProb),
        (MetricKind.KullbackLeibler, OracleMetric.Kl), (MetricKind.JensenShannon, OracleMetric.Js),
    ];

    private static readonly (Ablation Ablation, OracleAblation Oracle)[] Ablated =
    [
        (Ablation.Patching, OracleAblation.Patching), (Ablation.Zero, OracleAblation.Zero), (Ablation.Mean, OracleAblation.Mean), (Ablation.MeanPositional, OracleAblation.MeanPositional),
    ];

    public static TheoryData<int> Cases()
    {
        var range = Environment.GetEnvironmentVariable("FAITH_CROSSED")?.Split('-').Select(part => int.Parse(part, CultureInfo.InvariantCulture)).ToArray() ?? [0, UsualCases];
        return [.. Enumerable.Range(range[0], range[1] - range[0])];
    }

    [Theory, MemberData(nameof(Cases))]
    public void WhateverIsCombinedAgreesWithTheOracle(int number)
    {
        var random = new Random(number);
        var config = Config(random);
        using var weights = RandomModels.Create(config, number, projectionBias: random.Next(2) == 0, logitBias: random.Next(3) == 0);
        var data = RandomExamples.Create(number, config.Vocabulary, count: 4, longest: 8);
        var (method, oracleMethod) = Methods[random.Next(Methods.Length)];
        var (metric, oracleMetric) = Metrics[random.Next(Metrics.Length)];
        var (ablation, oracleAblation) = Ablated[random.Next(Ablated.Length)];
        // A model of one layer has none to drop. A divergence has no gradient at the clean run.
        if (method == "eap-graddrop" && config.Layers == 1) (method, oracleMethod) = Methods[0];
        if (metric.IsDivergence() && AttributionMethods.Find(method).Path(new(), new(config.Layers, config.Heads, config.ParallelBlocks)) is { } path && path.All(p => p.Alpha is 1)) (metric, oracleMetric) = Metrics[0];
        var steps = method is "eap-ig" or "eap-ig-activations" ? random.Next(2, 7) : 1;
        // The oracle takes no nodes out one by one.
        var level = method is "eap-qkfix" or "exact" ? ScoreLevel.Edge : (ScoreLevel)random.Next(3);
        var options = new AttributionOptions { Method = method, Steps = steps == 1 ? null : steps, Metric = metric, Ablation = ablation, Level = level };
        var what = $"case {number}: {options}\n{config}";

        var result = Scoring.Run(weights, data, options);
        var rules = Scoring.RulesOf(options);
        if (result.HasEdgeScores) Close.Check(OracleRun.Scores(weights, data, oracleMethod, steps, null, oracleMetric, oracleAblation, rules: rules), result.Scores.Values, Tolerance, what);
        if (result.NodeScores is { } nodes) Close.Check(OracleRun.NodeScores(weights, data, oracleMethod, steps, null, oracleMetric, oracleAblation, rules: rules), nodes, Tolerance, $"nodes, {what}");
        if (result.NeuronScores is { } neurons) Close.Check(OracleRun.NeuronScores(weights, data, oracleMethod, steps, null, oracleMetric, oracleAblation, rules: rules), neurons, Tolerance, $"neurons, {what}");

        var graph = new ModelGraph(config.Layers, config.Heads, config.ParallelBlocks);
        var all = Circuit.Full(graph).Edges.ToArray();
        var circuits = new[] { 0.2, 0.5, 0.9 }.Select(share => new Circuit(graph, all.Where(_ => random.NextDouble() < share))).ToArray();
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        var results = CircuitEvaluator.Evaluate(model, data, circuits, new EvaluationOptions { Metric = metric, Ablation = ablation });
        for (var i = 0; i < circuits.Length; i++)
        {
            var expected = OracleRun.Circuit(weights, data, circuits[i], oracleMetric, oracleAblation).Circuit;
            // A circuit through which nothing flows, or everything, can leave logits or divergences of zero.
            if (expected.All(x => Math.Abs(x) < 1e-9)) Assert.All(results[i].Circuit, x => Assert.InRange(x, -1e-6, 1e-6));
            else Close.Check(expected, results[i].Circuit, Tolerance, $"circuit {i}, {what}");
        }
    }

    private static ModelConfig Config(Random random)
    {
        T Of<T>(params T[] values) => values[random.Next(values.Length)];
        bool Sometimes() => random.Next(3) == 0;

        var (layers, keyValueHeads, headDim) = (random.Next(1, 5), random.Next(1, 4), Of(2, 3, 4, 6, 7, 8, 10, 17));
        var (norm, rotates) = (Of(NormKind.LayerNorm, NormKind.RmsNorm), headDim > 1 && !Sometimes());
        var (normsInputs, normsOutputs) = Of((true, false), (true, false), (true, true), (false, true));
        RotaryConfig? Rotary()
        {
            var dimensions = 2 * random.Next(1, headDim / 2 + 1);
            RotaryScaling? scaling = Of<Func<RotaryScaling?>>(() => null, () => null, () => new LinearScaling(3), () => new Llama3Scaling(8, 1, 4, 16), () => new YarnScaling(4, 64, 32, 1, YarnScaling.UsualAttentionFactor(4), true))();
            return layers > 1 && Sometimes() ? null : new RotaryConfig(Of(500, 10000), dimensions) { Interleaved = Sometimes(), Scaling = scaling };
        }
        var config = new ModelConfig
        {
            Family = "crossed",
            Layers = layers,
            Width = random.Next(5, 41),
            Heads = keyValueHeads * random.Next(1, 4),
            KeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            MlpWidth = random.Next(3, 61),
            Vocabulary = random.Next(20, 91),
            Context = 24,
            Norm = norm,
            NormsInputs = normsInputs,
            NormsOutputs = normsOutputs,
            // At a small stream a norm multiplies by 1/√ε, and one after another soon by more than single precision holds.
            NormEpsilon = normsOutputs ? 0.1f : Of(1e-5f, 1e-2f),
            Activation = Of(Enum.GetValues<ActivationFunction>()),
            Gated = norm == NormKind.RmsNorm && !Sometimes(),
            Rotary = rotates ? new([.. Enumerable.Range(0, layers).Select(_ => Rotary())]) : null,
            QueryKeyNorm = Of(QueryKeyNorm.None, QueryKeyNorm.None, QueryKeyNorm.Heads, QueryKeyNorm.OwnHeads, QueryKeyNorm.Layer),
            TiedEmbedding = Sometimes(),
            ParallelBlocks = Sometimes(),
            EmbeddingScale = Of(1, 1, 3.3f),
            AttentionScale = new([.. Enumerable.Range(1, layers).Select(l => (float)(1 / Math.Sqrt(headDim) / Of(1, 1, l)))]),
            Windows = Sometimes() ? [.. Enumerable.Range(0, layers).Select(_ => Of<int?>(null, 1, 2, 5))] : null,
            AttentionCap = Sometimes() ? 1.5f : null,
            LogitCap = Sometimes() ? 3 : null,
            BeginToken = 0,
            EndToken = 0,
        };
        return rotates ? config : Of(config, config with { PositionsInAttention = true }, config with { Alibi = new(config.Heads), AttentionCap = null });
    }
}
