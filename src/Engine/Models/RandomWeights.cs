using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Models of known shapes with random weights, for measuring speed and memory without a checkpoint. The weights take no memory of
/// their own and are the same in every run.
/// </summary>
public static class RandomWeights
{
    private static readonly Dictionary<string, (ModelConfig Config, WeightPrecision Precision)> Known = new(StringComparer.Ordinal)
    {
        ["gpt2"] = (Gpt2(12, 768, 12), WeightPrecision.Float32),
        ["gpt2-medium"] = (Gpt2(24, 1024, 16), WeightPrecision.Float32),
        ["gpt2-large"] = (Gpt2(36, 1280, 20), WeightPrecision.Float32),
        ["gpt2-xl"] = (Gpt2(48, 1600, 25), WeightPrecision.Float32),
        ["llama-1b"] = (Llama3(16, 2048, 32, 64, 8192, tied: true, stretch: 32), WeightPrecision.BFloat16),
        ["llama-3b"] = (Llama3(28, 3072, 24, 128, 8192, tied: true, stretch: 32), WeightPrecision.BFloat16),
        ["llama-8b"] = (Llama3(32, 4096, 32, 128, 14336, tied: false, stretch: 8), WeightPrecision.BFloat16),
        ["stories260k"] = (Stories(5, 64, 8, 4, 172, 512, 512), WeightPrecision.Float32),
        ["stories15m"] = (Stories(6, 288, 6, 6, 768, 32000, 256), WeightPrecision.Float32),
        ["stories42m"] = (Stories(8, 512, 8, 8, 1376, 32000, 1024), WeightPrecision.Float32),
        ["stories110m"] = (Stories(12, 768, 12, 12, 2048, 32000, 1024), WeightPrecision.Float32),
    };

    /// <summary>The names of the shapes.</summary>
    public static IReadOnlyList<string> Shapes { get; } = [.. Known.Keys];

    /// <summary>
    /// A model of a named shape: matrices and biases of mean 0 and standard deviation 0.018, norms of scale 1 and shift 0.
    /// The Llama 3 shapes are in bfloat16 as their checkpoints are, the others in float32.
    /// </summary>
    /// <param name="shape">One of <see cref="Shapes"/>.</param>
    /// <param name="precision">Another precision than the shape's own.</param>
    /// <param name="layers">Another number of layers than the shape's own.</param>
    /// <exception cref="InputException">There is no such shape.</exception>
    public static ModelWeights Create(string shape, WeightPrecision? precision = null, int? layers = null)
    {
        if (layers is { } count) ArgumentOutOfRangeException.ThrowIfLessThan(count, 1, nameof(layers));
        var meant = KnownNames.Find(shape, Shapes) ?? throw new InputException($"shape {PlainText.Name(shape)} is unknown; supported: {string.Join(", ", Shapes)}{KnownNames.Suggest(shape, Shapes)}");
        var (config, own) = Known[meant];
        return Create(config with { Layers = layers ?? config.Layers }, precision ?? own);
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
        var positions = config.Rotary is null ? Table(config.Context) : null;
        var layers = new LayerWeights[config.Layers];
        for (var l = 0; l < layers.Length; l++)
        {
            layers[l] = new LayerWeights
            {
                AttentionNormScale = config.NormsInputs ? Ones(d) : null,
                AttentionNormShift = config.NormsInputs ? Zeros() : null,
                QueryKeyValue = Matrix(d, config.ProjectionWidth),
                QueryKeyValueBias = Bias(config.ProjectionWidth),
                QueryNormScale = config.QueryKeyNorm == QueryKeyNorm.None ? null : Ones(config.HeadDim),
                KeyNormScale = config.QueryKeyNorm == QueryKeyNorm.None ? null : Ones(config.HeadDim),
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

    private static ModelConfig Gpt2(int layers, int width, int heads) => new()
    {
        Family = "gpt2",
        Layers = layers,
        Width = width,
        Heads = heads,
        KeyValueHeads = heads,
        HeadDim = width / heads,
        MlpWidth = 4 * width,
        Vocabulary = 50257,
        Context = 1024,
        Norm = NormKind.LayerNorm,
        NormEpsilon = 1e-5f,
        Activation = ActivationFunction.GeluTanh,
        TiedEmbedding = true,
        AttentionScale = (float)(1 / Math.Sqrt(width / heads)),
        BeginToken = 50256,
        EndToken = 50256,
    };

    private static ModelConfig Llama3(int layers, int width, int heads, int headDim, int mlpWidth, bool tied, double stretch) => new()
    {
        Family = "llama",
        Layers = layers,
        Width = width,
        Heads = heads,
        KeyValueHeads = 8,
        HeadDim = headDim,
        MlpWidth = mlpWidth,
        Vocabulary = 128256,
        Context = 131072,
        Norm = NormKind.RmsNorm,
        NormEpsilon = 1e-5f,
        Activation = ActivationFunction.Silu,
        Gated = true,
        Rotary = new RotaryConfig(500000, headDim) { Scaling = new Llama3Scaling(stretch, 1, 4, 8192) },
        TiedEmbedding = tied,
        AttentionScale = (float)(1 / Math.Sqrt(headDim)),
        BeginToken = 128000,
        EndToken = 128001,
    };

    private static ModelConfig Stories(
        int layers, int width, int heads, int keyValueHeads, int mlpWidth, int vocabulary, int context) => new()
    {
        Family = "llama",
        Layers = layers,
        Width = width,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadDim = width / heads,
        MlpWidth = mlpWidth,
        Vocabulary = vocabulary,
        Context = context,
        Norm = NormKind.RmsNorm,
        NormEpsilon = 1e-5f,
        Activation = ActivationFunction.Silu,
        Gated = true,
        Rotary = new RotaryConfig(10000, width / heads),
        TiedEmbedding = true,
        AttentionScale = (float)(1 / Math.Sqrt(width / heads)),
        BeginToken = 1,
        EndToken = 2,
    };
}
