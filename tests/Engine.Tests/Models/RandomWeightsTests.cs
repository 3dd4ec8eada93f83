using Faith.Engine.Models;
using Faith.Kernels;
using Xunit;

namespace Faith.Engine.Tests.Models;

public sealed class RandomWeightsTests
{
    public static TheoryData<string> Shapes => [.. RandomWeights.Shapes];

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_shape_is_consistent(string shape)
    {
        using var weights = RandomWeights.Create(shape);
        var c = weights.Config;
        Assert.Equal(c.Layers, weights.Layers.Count);
        Assert.Equal(0, c.Heads % c.KeyValueHeads);
        Assert.Equal((c.Vocabulary, c.Width), (weights.Embedding.Inputs, weights.Embedding.Outputs));
        Assert.False(weights.Embedding.StoredTransposed);
        Assert.Equal((c.Vocabulary, c.Width), (weights.Unembedding.Inputs, weights.Unembedding.Outputs));
        Assert.Equal(c.TiedEmbedding, ReferenceEquals(weights.Embedding, weights.Unembedding));
        Assert.Equal(c.Rotary is null, weights.Positions is not null);
        Assert.True(c.BeginToken < c.Vocabulary && c.EndToken < c.Vocabulary);
        var gated = c.Gated;
        foreach (var layer in weights.Layers)
        {
            Assert.Equal((c.Width, c.ProjectionWidth), (layer.QueryKeyValue.Inputs, layer.QueryKeyValue.Outputs));
            Assert.Equal((c.QueryWidth, c.Width), (layer.Output.Inputs, layer.Output.Outputs));
            Assert.Equal((c.Width, gated ? 2 * c.MlpWidth : c.MlpWidth), (layer.Up.Inputs, layer.Up.Outputs));
            Assert.Equal((c.MlpWidth, c.Width), (layer.Down.Inputs, layer.Down.Outputs));
            Assert.Equal(gated ? null : c.ProjectionWidth, layer.QueryKeyValueBias?.Length);
            Assert.All(layer.AttentionNormScale ?? [], value => Assert.Equal(1, value));
        }
        // Reading the end of the largest matrices must not overflow.
        var row = new float[c.Width];
        weights.Unembedding.ReadStoredRows(c.Vocabulary - 1, 1, row);
        Assert.Contains(row, value => value != 0);
    }

    [Theory]
    [InlineData("gpt2", 124_439_808)]
    [InlineData("gpt2-medium", 354_823_168)]
    [InlineData("gpt2-large", 774_030_080)]
    [InlineData("gpt2-xl", 1_557_611_200)]
    [InlineData("llama-1b", 1_235_814_400)]
    [InlineData("llama-3b", 3_212_749_824)]
    [InlineData("llama-8b", 8_030_261_248)]
    [InlineData("pythia-160m", 162_322_944)]
    [InlineData("pythia-1.4b", 1_414_647_808)]
    [InlineData("gemma-2-2b", 2_614_341_888)]
    [InlineData("olmo2-1b", 1_484_916_736)]
    [InlineData("qwen3-0.6b", 596_049_920)]
    [InlineData("phi-3-mini", 3_821_079_552)]
    public void Parameter_counts_are_those_of_the_real_models(string shape, long expected)
    {
        static long Size(MatrixSource? matrix) => matrix is null ? 0 : (long)matrix.Inputs * matrix.Outputs;
        static long Length(float[]? vector) => vector?.Length ?? 0;
        using var w = RandomWeights.Create(shape);
        var count = Size(w.Embedding) + Size(w.Positions) + Length(w.FinalNormScale) + Length(w.FinalNormShift);
        if (!w.Config.TiedEmbedding) count += Size(w.Unembedding);
        foreach (var layer in w.Layers)
        {
            count += Size(layer.QueryKeyValue) + Size(layer.Output) + Size(layer.Up) + Size(layer.Down);
            count += Length(layer.QueryKeyValueBias) + Length(layer.OutputBias) + Length(layer.UpBias) + Length(layer.DownBias);
            count += Length(layer.AttentionNormScale) + Length(layer.AttentionNormShift);
            count += Length(layer.MlpNormScale) + Length(layer.MlpNormShift) + Length(layer.QueryNormScale) + Length(layer.KeyNormScale);
            count += Length(layer.AttentionOutputNormScale) + Length(layer.MlpOutputNormScale);
        }
        Assert.Equal(expected, count);
    }

    [Fact]
    public void Rows_are_the_same_however_they_are_read()
    {
        // 37 columns: whole vectors and a rest, whatever the width of a vector.
        var matrix = new RandomMatrix(5, 37, 20, storedTransposed: true, WeightPrecision.Float32);
        var all = new float[37 * 20];
        matrix.ReadStoredRows(0, 20, all);
        for (var row = 0; row < 20; row++)
        {
            var one = new float[37];
            matrix.ReadStoredRows(row, 1, one);
            Assert.Equal(all[(row * 37)..((row + 1) * 37)], one);
            // The shortest prefix goes through the scalar loop only.
            for (var length = 0; length < 37; length++)
            {
                var part = new float[length];
                RandomMatrix.Fill(5, row, part);
                Assert.Equal(one[..length], part);
            }
        }
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadStoredRows(20, 1, all));
        Assert.Throws<ArgumentOutOfRangeException>(() => matrix.ReadStoredRows(-1, 1, all));
    }

    [Fact]
    public void Values_look_normal_and_are_exact_in_bfloat16()
    {
        var matrix = new RandomMatrix(1, 1000, 1000, storedTransposed: false, WeightPrecision.BFloat16);
        var values = new float[1_000_000];
        matrix.ReadStoredRows(0, 1000, values);
        Assert.All(values, value => Assert.Equal(0u, BitConverter.SingleToUInt32Bits(value) & 0xFFFF));
        double sum = 0, squares = 0, neighbours = 0;
        for (var i = 0; i < values.Length; i++)
        {
            sum += values[i];
            squares += (double)values[i] * values[i];
            if (i > 0) neighbours += (double)values[i] * values[i - 1];
        }
        var variance = squares / values.Length;
        Assert.InRange(Math.Sqrt(variance), 0.0179, 0.0182);
        Assert.InRange(sum / values.Length, -1e-4, 1e-4);
        Assert.InRange(neighbours / values.Length / variance, -0.005, 0.005);
        Assert.InRange(values.Count(value => Math.Abs(value) < Math.Sqrt(variance)) / 1e6, 0.65, 0.70);
    }

    [Fact]
    public void Tensors_differ_from_each_other()
    {
        using var weights = RandomWeights.Create("stories260k");
        var matrices = weights.Layers.SelectMany(layer => new[] { layer.QueryKeyValue, layer.Output, layer.Up }).Append(weights.Embedding);
        var rows = matrices.Select(matrix =>
        {
            var row = new float[64];
            matrix.ReadStoredRows(0, 1, row);
            return string.Join(" ", row);
        });
        Assert.Equal(16, rows.Distinct().Count());
    }

    [Fact]
    public void Unknown_shapes_list_the_known_ones()
    {
        var message = Assert.Throws<InputException>(() => RandomWeights.Create("gpt9")).Message;
        Assert.Contains("'gpt9'", message);
        Assert.Contains("gpt2-xl", message);
    }
}
