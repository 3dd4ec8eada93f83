using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Masks;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

/// <summary>On a model in which every edge acts linearly, estimates by gradients are what patching measures.</summary>
public sealed class LinearModelTests
{
    private const float Epsilon = 1e8f;

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void GradientsAreExact(bool parallel)
    {
        using var weights = Linear(RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with { NormEpsilon = Epsilon, ParallelBlocks = parallel }, 1));
        var data = RandomExamples.Create(2, weights.Config.Vocabulary);
        var exact = Scoring.Scores(weights, data, new() { Method = "exact" });
        Assert.True(exact.Count(score => Math.Abs(score) > 1e-3 * exact.Max(Math.Abs)) > 100, "too few edges have an effect to tell");
        foreach (var options in new AttributionOptions[]
        {
            new() { Method = "eap" }, new() { Method = "relp" }, new() { Method = "clean-corrupted" }, new() { Steps = 3 }, new() { Steps = 2, Rule = IntegrationRule.GaussLegendre },
        })
        {
            Close.Check(exact, Scoring.Scores(weights, data, options), 1e-4, $"{options.Method}, {options.Rule}");
        }
    }

    // There a mask acts linearly too, whatever the others are: its gradient is what opening it wholly does, and where all are open, what patching the edge does.
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void GradientsByMasksAreExact(bool parallel)
    {
        using var weights = Linear(RandomModels.Create(RandomModels.Gpt2Config(layers: 3) with { NormEpsilon = Epsilon, ParallelBlocks = parallel }, 1));
        var data = RandomExamples.Create(2, weights.Config.Vocabulary);
        using var device = new HostDevice(2);
        using var model = new Transformer(device, weights);
        using var session = new MaskSession(model, data, new EvaluationOptions(), data.Length, seed: 1);
        var (graph, gradient) = (model.Graph, new double[model.Graph.Pairs]);
        var masks = new float[graph.Pairs];
        foreach (var edge in graph.AllEdges) masks[edge] = 1;
        session.Run(0, masks, gradient);
        Close.Check(Scoring.Scores(weights, data, new() { Method = "exact" }), [.. gradient.Select(g => -g)], 1e-4, "all open");

        var random = new Random(4);
        foreach (var edge in graph.AllEdges) masks[edge] = random.NextSingle();
        session.Run(0, masks, gradient);
        EdgeId[] some = [.. graph.AllEdges.Where((_, i) => i % 9 == 0)];
        double Loss(EdgeId edge, float mask)
        {
            var moved = (float[])masks.Clone();
            moved[edge] = mask;
            return -session.Run(0, moved, new double[graph.Pairs]);
        }
        Close.Check([.. some.Select(edge => Loss(edge, 1) - Loss(edge, 0))], [.. some.Select(edge => gradient[edge])], 3e-4, "opened");
    }

    // Norms divide by a constant, which their scales take back; no query means equal attention; a bias beyond whatever comes in leaves the straight part of GELU.
    private static ModelWeights Linear(ModelWeights random)
    {
        var scale = Enumerable.Repeat(MathF.Sqrt(Epsilon), random.Config.Width).ToArray();
        return new()
        {
            Config = random.Config,
            Embedding = random.Embedding,
            Positions = random.Positions,
            Layers = [.. random.Layers.Select(layer => new LayerWeights
            {
                AttentionNormScale = scale,
                AttentionNormShift = layer.AttentionNormShift,
                QueryKeyValue = Scaled(layer.QueryKeyValue, column => column < random.Config.QueryWidth ? 0 : 1),
                QueryKeyValueBias = [.. layer.QueryKeyValueBias!.Select((b, i) => i < random.Config.QueryWidth ? 0 : b)],
                Output = layer.Output,
                OutputBias = layer.OutputBias,
                MlpNormScale = scale,
                MlpNormShift = layer.MlpNormShift,
                Up = Scaled(layer.Up, _ => 0.05),
                UpBias = [.. Enumerable.Repeat(10f, layer.UpBias!.Length)],
                Down = layer.Down,
                DownBias = layer.DownBias,
            })],
            FinalNormScale = scale,
            FinalNormShift = random.FinalNormShift,
            Unembedding = random.Unembedding,
        };
    }

    private static ArrayMatrix Scaled(MatrixSource matrix, Func<int, double> factor) =>
        new([.. LiteralMatrix.Read(matrix).SelectMany(row => row.Select((x, column) => (float)(factor(column) * x)))], matrix.Inputs, matrix.Outputs, storedTransposed: false);
}
