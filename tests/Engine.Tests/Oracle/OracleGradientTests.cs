using Faith.Engine.Models;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>The gradients that the oracle's scores are made of, against differences of its own forward pass.</summary>
public sealed class OracleGradientTests
{
    public static TheoryData<string, OracleMetric> Cases()
    {
        var cases = new TheoryData<string, OracleMetric>();
        foreach (var metric in Enum.GetValues<OracleMetric>())
        {
            foreach (var model in new[]
            {
                "gpt2", "llama", "qwen2", "parallel", "partial rotary", "interleaved rotary, longer by a half", "norms of queries and keys", "norms of queries and keys, centred",
                "norms of queries and keys, every head its own", "positions in attention", "biases of scores", "gelu", "relu", "gated gelu",
            }) cases.Add(model, metric);
        }
        return cases;
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void GradientOfEveryInputIsTheSlopeOfTheLoss(string name, OracleMetric metric)
    {
        using var weights = Model(name);
        var model = new LiteralModel(weights);
        var example = RandomExamples.DifferingAt(3, model.Vocabulary, 1, 5, 1, 3)[0];
        var clean = model.Run(example.Clean).LastLogits;

        // On the corrupted prompt: a divergence has no slope at the clean one.
        var run = model.Run(example.Corrupted);
        run.Tape.Backward(LiteralMetric.Loss(metric, run, example, clean));

        // Every column of the graph, and in each the numbers of two positions, one of them the last.
        var random = new Random(4);
        for (var v = 0; v < model.Graph.Columns; v++)
        {
            foreach (var t in new[] { 2, example.Clean.Length - 1 })
            {
                var index = t * model.Width + random.Next(model.Width);

                double LossAt(double step)
                {
                    var moved = model.Run(example.Corrupted, input: (tape, column, stream, _) =>
                    {
                        if (column != v) return stream;
                        var nudge = new Value(stream.Rows, stream.Columns);
                        nudge.Data[index] = step;
                        return tape.Add(stream, nudge);
                    });
                    return LiteralMetric.Loss(metric, moved.LastLogits, example, clean);
                }

                const double H = 1e-3;
                // Fourth-order central difference: the error is of order h⁴ = 1e-12.
                var slope = (8 * (LossAt(H) - LossAt(-H)) - (LossAt(2 * H) - LossAt(-2 * H))) / (12 * H);
                Assert.Equal(slope, run.Inputs[v].Gradient[index], 1e-8);
            }
        }
    }

    [Fact]
    public void GradientOfAnOutputIsTheSumOfTheGradientsOfItsReaders()
    {
        using var weights = RandomModels.Gpt2(5);
        var model = new LiteralModel(weights);
        var example = RandomExamples.DifferingAt(6, model.Vocabulary, 1, 6, 2)[0];
        var run = model.Run(example.Clean);
        run.Tape.Backward(LiteralMetric.Loss(OracleMetric.LogitDiff, run, example, run.LastLogits));
        for (var u = 0; u < model.Graph.Sources; u++)
        {
            for (var i = 0; i < run.Outputs[u].Gradient.Length; i++)
            {
                var sum = Enumerable.Range(0, model.Graph.Columns).Where(v => model.Graph.IsEdge(new(u), new(v))).Sum(v => run.Inputs[v].Gradient[i]);
                Assert.Equal(sum, run.Outputs[u].Gradient[i], 1e-12);
            }
        }
    }

    private static ModelWeights Model(string name) => name switch
    {
        "gpt2" => RandomModels.Create(RandomModels.Gpt2Config(heads: 2), 1),
        "llama" => RandomModels.Create(RandomModels.LlamaConfig(heads: 4, keyValueHeads: 2, headDim: 4, scaling: new Llama3Scaling(8, 1, 4, 16)), 1),
        "qwen2" => RandomModels.Create(RandomModels.LlamaConfig(heads: 2, keyValueHeads: 1, width: 12), 1, projectionBias: true),
        "parallel" => RandomModels.Create(RandomModels.Gpt2Config(heads: 2) with { ParallelBlocks = true, EmbeddingScale = 2 }, 1),
        "partial rotary" => RandomModels.Create(RandomModels.LlamaConfig(heads: 2, keyValueHeads: 2, rotaryDimensions: 4, theta: 100), 1),
        "interleaved rotary, longer by a half" => RandomModels.Create(RandomModels.LlamaConfig(heads: 2, keyValueHeads: 1) with
        {
            Rotary = new RotaryConfig(100, 6) { Interleaved = true, Scaling = new YarnScaling(4, 16, 32, 1, 1.5, true) },
        }, 1),
        "norms of queries and keys" => RandomModels.Create(RandomModels.LlamaConfig(heads: 4, keyValueHeads: 2, headDim: 4) with { QueryKeyNorm = QueryKeyNorm.Heads }, 1),
        "norms of queries and keys, centred" => RandomModels.Create(RandomModels.Gpt2Config(heads: 2) with { QueryKeyNorm = QueryKeyNorm.Heads }, 1),
        "norms of queries and keys, every head its own" => RandomModels.Create(RandomModels.LlamaConfig(heads: 4, keyValueHeads: 2, headDim: 4) with { QueryKeyNorm = QueryKeyNorm.OwnHeads }, 1),
        "positions in attention" => RandomModels.Create(RandomModels.Gpt2Config(heads: 2) with { PositionsInAttention = true }, 1),
        "biases of scores" => RandomModels.Create(RandomModels.Gpt2Config(heads: 3) with { Alibi = new(3) }, 1),
        "gelu" => RandomModels.Create(RandomModels.Gpt2Config(heads: 2) with { Activation = ActivationFunction.GeluErf }, 1),
        // No step of the differences below crosses a corner: the numbers are of one seed.
        "relu" => RandomModels.Create(RandomModels.Gpt2Config(heads: 2, layers: 1) with { Activation = ActivationFunction.Relu }, 1),
        "gated gelu" => RandomModels.Create(RandomModels.LlamaConfig(heads: 2, keyValueHeads: 1) with { Activation = ActivationFunction.GeluTanh }, 1),
        _ => throw new ArgumentOutOfRangeException(nameof(name)),
    };
}
