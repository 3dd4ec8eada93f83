using Faith.Engine.Attribution;
using Faith.Engine.Models;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
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
