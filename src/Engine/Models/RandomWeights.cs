using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Models of known shapes with random weights, for measuring speed and memory without a checkpoint. The weights take no memory of
/// their own and are the same in every run.
/// </summary>
public static class RandomWeights
{
    /// <summary>The names of the shapes.</summary>
    public static IReadOnlyList<string> Shapes { get; } = [.. KnownShapes.All.Keys];

    /// <summary>
    /// A model of a named shape: matrices and biases of mean 0 and standard deviation 0.018, norms of scale 1 and shift 0.
    /// In bfloat16 where the checkpoints are.
    /// </summary>
    /// <param name="shape">One of <see cref="Shapes"/>.</param>
    /// <param name="precision">Another precision than the shape's own.</param>
    /// <param name="layers">Another number of layers than the shape's own.</param>
    /// <exception cref="InputException">There is no such shape.</exception>
    public static ModelWeights Create(string shape, WeightPrecision? precision = null, int? layers = null)
    {
        if (layers is { } count) ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(layers));
        var meant = KnownNames.Find(shape, Shapes) ?? throw new InputException($"shape {PlainText.Name(shape)} is unknown; supported: {string.Join(", ", Shapes)}{KnownNames.Suggest(shape, Shapes)}");
        var (config, own) = KnownShapes.All[meant];
        var depth = layers ?? config.Layers;
        var windows = config.Windows is { } some ? Enumerable.Range(0, depth).Select(l => some[l % some.Count]).ToArray() : null;
        return Create(config with { Layers = depth, Windows = windows }, precision ?? own);
    }

    /// <summary>A random model of any shape.</summary>
    internal static ModelWeights Create(ModelConfig config, WeightPrecision precision)
    {
        var gpt2 = config.Norm == NormKind.LayerNorm;
        var (d, q, f) = (config.Width, config.QueryWidth, config.MlpWidth);
        var seed = 0ul;
        // Every tensor gets the next seed. GPT-2 stores its matrices as [in × out], the others as [out × in].
        MatrixSource Matrix(int inputs, int outputs) => new RandomMatrix(seed++, inputs, outputs, !gpt2, precision);
        MatrixSource Table(int rows) => new RandomMatrix(seed++, rows, d, storedTransposed: false, precision);
        float[]? Bias(int length)
        {
            if (!gpt2) return null;
            var bias = new float[length];
            RandomMatrix.Fill(seed++, 0, bias);
            return bias;
        }
        static float[] Ones(int length)
        {
            var ones = new float[length];
            Array.Fill(ones, 1);
            return ones;
        }
        float[]? Zeros() => gpt2 ? new float[d] : null;

        var embedding = Table(config.Vocabulary);
        var positions = config.LearnsPositions ? Table(config.Context) : null;
        var layers = new LayerWeights[config.Layers];
        for (var l = 0; l < layers.Length; l++)
        {
            layers[l] = new LayerWeights
            {
                AttentionNormScale = config.NormsInputs ? Ones(d) : null,
                AttentionNormShift = config.NormsInputs ? Zeros() : null,
                QueryKeyValue = Matrix(d, config.ProjectionWidth),
                QueryKeyValueBias = Bias(config.ProjectionWidth),
                QueryNormScale = config.QueryKeyNorm == QueryKeyNorm.None ? null : Ones(config.NormWidth(config.Heads)),
                KeyNormScale = config.QueryKeyNorm == QueryKeyNorm.None ? null : Ones(config.NormWidth(config.KeyValueHeads)),
                Output = Matrix(q, d),
                OutputBias = Bias(d),
                AttentionOutputNormScale = config.NormsOutputs ? Ones(d) : null,
                MlpNormScale = config.NormsInputs ? Ones(d) : null,
                MlpNormShift = config.NormsInputs ? Zeros() : null,
                Up = Matrix(d, config.Gated ? 2 * f : f),
                UpBias = Bias(f),
                Down = Matrix(f, d),
                DownBias = Bias(d),
                MlpOutputNormScale = config.NormsOutputs ? Ones(d) : null,
            };
        }
        return new ModelWeights
        {
            Config = config,
            Embedding = embedding,
            Positions = positions,
            Layers = layers,
            FinalNormScale = Ones(d),
            FinalNormShift = Zeros(),
            Unembedding = config.TiedEmbedding ? embedding : Table(config.Vocabulary),
        };
    }
}
