using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Masks;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>Whole models on the GPU device: the PTX that ILGPU writes, run by the interpreter, against the literal float64 oracle.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class GpuAttributionTests
{
    private static readonly Dictionary<string, OracleMethod> OracleMethods = new() { ["eap"] = OracleMethod.Eap, ["eap-ig"] = OracleMethod.EapIg, ["clean-corrupted"] = OracleMethod.CleanCorrupted, ["relp"] = OracleMethod.EapIg, ["attnlrp"] = OracleMethod.EapIg, ["gim"] = OracleMethod.EapIg, ["eap-graddrop"] = OracleMethod.GradDrop, ["eap-qkfix"] = OracleMethod.QkFix };

    [SimulatedTheory]
    [InlineData("gpt2", "eap", MetricKind.LogitDifference)]
    [InlineData("llama", "eap", MetricKind.LogitDifference)]
    [InlineData("gpt2", "eap-ig", MetricKind.LogitDifference)]
    [InlineData("llama", "eap-ig", MetricKind.LogitDifference)]
    [InlineData("llama", "clean-corrupted", MetricKind.KullbackLeibler)]
    [InlineData("gpt2", "relp", MetricKind.LogitDifference)]
    [InlineData("llama", "relp", MetricKind.LogitDifference)]
    [InlineData("llama", "attnlrp", MetricKind.LogitDifference)]
    [InlineData("gpt2", "gim", MetricKind.LogitDifference)]
    [InlineData("llama", "gim", MetricKind.LogitDifference)]
    [InlineData("gpt2", "eap-graddrop", MetricKind.LogitDifference)]
    [InlineData("llama", "eap-graddrop", MetricKind.LogitDifference)]
    [InlineData("gpt2", "eap-qkfix", MetricKind.LogitDifference)]
    [InlineData("llama", "eap-qkfix", MetricKind.LogitDifference)]
    public void ScoresAgreeWithTheOracle(string family, string method, MetricKind metric)
    {
        using var weights = family == "gpt2" ? RandomModels.Gpt2(1) : RandomModels.Llama(5);
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        using var device = SimulatedCuda.Open();
        using var model = new Transformer(device, weights);
        var result = Attributor.Run(model, data, new() { Method = method, Steps = 3, Metric = metric });
        var expected = OracleRun.Scores(weights, data, OracleMethods[method], 3, null,
            metric == MetricKind.LogitDifference ? OracleMetric.LogitDiff : OracleMetric.Kl, rules: Scoring.RulesOf(new() { Method = method }));
        Close.Check(expected, result.Scores.Values, 1e-5, $"{family}, {method}, {metric}");
        Assert.Null(SimulatedGpu.Fault);
    }

    /// <summary>Products by tensor cores, in both ways in which these may add up, also of weights of 16 bits.</summary>
    [SimulatedTheory]
    [InlineData("gpt2", "eap-ig", Accumulation.RoundedOnce)]
    [InlineData("gpt2", "eap-ig", Accumulation.Truncated)]
    [InlineData("llama", "eap-ig", Accumulation.RoundedOnce)]
    [InlineData("llama", "eap-ig", Accumulation.Truncated)]
    [InlineData("llama", "relp", Accumulation.Truncated)]
    [InlineData("llama, bfloat16", "eap-ig", Accumulation.RoundedOnce)]
    [InlineData("llama, bfloat16", "eap-ig", Accumulation.Truncated)]
    [InlineData("gpt2, float16", "eap-ig", Accumulation.Truncated)]
    public void ScoresOfTensorProductsAgreeWithTheOracle(string family, string method, Accumulation accumulation)
    {
        using var weights = family switch
        {
            "gpt2" => RandomModels.Gpt2(1),
            "gpt2, float16" => RandomModels.Create(RandomModels.Gpt2Config(), 1, type: StoredType.F16),
            "llama" => RandomModels.Llama(5),
            _ => RandomModels.Create(RandomModels.LlamaConfig(), 5, type: StoredType.BF16),
        };
        var data = RandomExamples.Create(11, weights.Config.Vocabulary);
        using var device = SimulatedCuda.OpenTensor(accumulation);
        using var model = new Transformer(device, weights);
        var result = Attributor.Run(model, data, new() { Method = method, Steps = 3 });
        var expected = OracleRun.Scores(weights, data, OracleMethods[method], 3, null, OracleMetric.LogitDiff, rules: Scoring.RulesOf(new() { Method = method }));
        Close.Check(expected, result.Scores.Values, 2e-5, $"{family}, {method}, {accumulation}");
        Assert.Null(SimulatedGpu.Fault);
        // A row's bits do not depend on the micro-batch.
        Assert.Equal(result.Scores.Values, Attributor.Run(model, data, new() { Method = method, Steps = 3, MemoryBytes = 150_000 }).Scores.Values);
    }

    [SimulatedTheory]
    [InlineData("gpt2, parallel blocks", "clean-corrupted", MetricKind.ProbabilityDifference, ScoreLevel.Neuron, 0)]
    [InlineData("llama", "eap-ig", MetricKind.KullbackLeibler, ScoreLevel.Edge, 0)]
    [InlineData("llama", "eap-ig", MetricKind.LogProbability, ScoreLevel.Edge, 0)]
    [InlineData("rotary by layer: linear, none, interleaved", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("norms of queries and keys", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("norms of queries and keys", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("norms of queries and keys, every head its own, centred, shared keys", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("biases of scores, shared keys", "gim", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("biases of scores, parallel", "relp", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("positions in attention", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 150_000)]
    [InlineData("positions in attention", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("soft caps, windows, biased logits", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Neuron, 0)]
    [InlineData("soft caps, windows, biased logits", "relp", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("soft caps, windows, biased logits", "exact", MetricKind.ProbabilityDifference, ScoreLevel.Edge, 0)]
    [InlineData("longrope, some prompts long", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("llama", "eap-ig-activations", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("llama", "relp", MetricKind.ProbabilityDifference, ScoreLevel.Neuron, 0)]
    [InlineData("llama", "eap-graddrop", MetricKind.LogitDifference, ScoreLevel.Neuron, 0)]
    [InlineData("norms of outputs, parallel, LayerNorm", "eap", MetricKind.LogitDifference, ScoreLevel.Neuron, 0)]
    // Micro-batches of one and two examples.
    [InlineData("qwen2", "eap-ig", MetricKind.LogitDifference, ScoreLevel.Edge, 150_000)]
    [InlineData("gpt2", "exact", MetricKind.KullbackLeibler, ScoreLevel.Edge, 0)]
    [InlineData("llama", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 0)]
    [InlineData("gpt2, parallel blocks", "exact", MetricKind.LogitDifference, ScoreLevel.Edge, 150_000)]
    public void ScoresAgreeWithTheCpu(string name, string method, MetricKind metric, ScoreLevel level, long memory)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(3, weights.Config.Vocabulary);
        var options = new AttributionOptions { Method = method, Metric = metric, Level = level, Steps = 3, MemoryBytes = memory == 0 ? null : memory };
        var expected = Scoring.Run(weights, data, options);
        using var device = SimulatedCuda.Open();
        // Several steps a run.
        device.Limits = device.Limits with { RowsOfPass = 256 };
        using var model = new Transformer(device, weights);
        var actual = Attributor.Run(model, data, options);
        Close.Check(expected.Scores.Values, actual.Scores.Values, 1e-5, $"{name}, {method}, {metric}");
        if (expected.NeuronScores is { } neurons) Close.Check(neurons, actual.NeuronScores!, 1e-5, $"{name}, {method}, {metric}: neurons");
        // A divergence from itself is nothing, exactly.
        if (metric == MetricKind.KullbackLeibler) Assert.Equal(expected.Clean, actual.Clean);
        else Close.Check(expected.Clean, actual.Clean, 1e-5, "clean");
        Close.Check(expected.Corrupted, actual.Corrupted, 1e-5, "corrupted");
        Assert.Null(SimulatedGpu.Fault);
    }

    [SimulatedTheory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("queries and keys of all heads normed together, centred")]
    [InlineData("norms of outputs alone")]
    [InlineData("positions in attention, shared keys, norms of every head")]
    public void MaskedRunsAgreeWithTheCpu(string name)
    {
        using var weights = Scoring.Models[name]();
        var data = RandomExamples.Create(13, weights.Config.Vocabulary, count: 2, longest: 5);
        var random = new Random(3);
        var masks = new float[new ModelGraph(weights.Config.Layers, weights.Config.Heads).Pairs];
        for (var i = 0; i < masks.Length; i++) masks[i] = random.NextSingle();
        (double, double[]) Run(Kernels.Device device)
        {
            using var model = new Transformer(device, weights);
            using var session = new MaskSession(model, data, new EvaluationOptions(), data.Length, seed: 0);
            var gradient = new double[masks.Length];
            return (session.Run(0, masks, gradient), gradient);
        }
        using var cpu = new HostDevice(2);
        using var gpu = SimulatedCuda.Open();
        var (expected, actual) = (Run(cpu), Run(gpu));
        Close.Check([expected.Item1], [actual.Item1], 1e-5, name);
        Close.Check(expected.Item2, actual.Item2, 1e-5, name);
        Assert.Null(SimulatedGpu.Fault);
    }

    [SimulatedFact]
    public void ACircuitScoresAsInTheOracle()
    {
        using var weights = RandomModels.Gpt2(1);
        var data = RandomExamples.Create(13, weights.Config.Vocabulary);
        using var device = SimulatedCuda.Open();
        using var model = new Transformer(device, weights);
        var circuit = new Circuit(model.Graph, Circuit.Full(model.Graph).Edges.Where((_, i) => i % 3 > 0));
        var result = CircuitEvaluator.Evaluate(model, data, [circuit], MetricKind.LogitDifference)[0];
        var (expected, clean, corrupted) = OracleRun.Circuit(weights, data, circuit);
        Close.Check(expected, result.Circuit, 1e-5, "two thirds of the edges");
        Close.Check(clean, result.Clean, 1e-5, "clean");
        Close.Check(corrupted, result.Corrupted, 1e-5, "corrupted");
        Assert.NotEqual(clean, result.Circuit);
        Assert.Contains("Kernel_Mix", SimulatedGpu.Launched);
        Assert.Null(SimulatedGpu.Fault);
    }

    [SimulatedTheory]
    [InlineData("gpt2")]
    [InlineData("llama")]
    [InlineData("norms of inputs and outputs")]
    [InlineData("positions in attention, shared keys, norms of every head")]
    public void CircuitsScoreAsOnTheCpu(string family)
    {
        using var weights = Scoring.Models[family]();
        var data = RandomExamples.Create(12, weights.Config.Vocabulary);
        double[] HalfACircuit(Kernels.Device device)
        {
            using var model = new Transformer(device, weights);
            var half = new Circuit(model.Graph, Circuit.Full(model.Graph).Edges.Where((_, i) => i % 2 == 0));
            var neurons = new NeuronSet(model.Graph, weights.Config.Width, Enumerable.Range(0, model.Graph.Sources * weights.Config.Width).Where(n => n % 3 > 0));
            return [.. CircuitEvaluator.Evaluate(model, data, [half, new(model.Graph, half.Edges, neurons)], MetricKind.LogitDifference).SelectMany(r => r.Circuit)];
        }
        using var cpu = new HostDevice();
        using var gpu = SimulatedCuda.Open();
        Close.Check(HalfACircuit(cpu), HalfACircuit(gpu), 1e-5, "half of the edges, and of these two thirds of the neurons");
    }
}
