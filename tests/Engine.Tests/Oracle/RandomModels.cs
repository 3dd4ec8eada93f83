using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// Small models with random parameters. A configuration says everything about the shape, so that a test varies one thing with
/// <c>RandomModels.Create(RandomModels.LlamaConfig() with { ParallelBlocks = true }, seed)</c>.
/// </summary>
public static class RandomModels
{
    /// <summary>A GPT-2: LayerNorm, learned positions, GELU, biases everywhere, tied embeddings.</summary>
    public static ModelConfig Gpt2Config(
        int layers = 2, int heads = 4, int headDim = 8, int mlpWidth = 48, int vocabulary = 53, int context = 24,
        int? width = null) => new()
    {
        Family = "gpt2",
        Layers = layers,
        Width = width ?? heads * headDim,
        Heads = heads,
        KeyValueHeads = heads,
        HeadDim = headDim,
        MlpWidth = mlpWidth,
        Vocabulary = vocabulary,
        Context = context,
        Norm = NormKind.LayerNorm,
        NormEpsilon = 1e-5f,
        Activation = ActivationFunction.GeluTanh,
        TiedEmbedding = true,
        AttentionScale = (float)(1 / Math.Sqrt(headDim)),
        BeginToken = 0,
        EndToken = 0,
    };

    /// <summary>
    /// A Llama: RMSNorm, rotary embedding (of the first <paramref name="rotaryDimensions"/> columns of a head, all unless given),
    /// grouped key/value heads, SwiGLU, no biases.
    /// </summary>
    public static ModelConfig LlamaConfig(
        int layers = 2, int heads = 4, int keyValueHeads = 2, int headDim = 8, int mlpWidth = 40, int vocabulary = 53, int context = 24,
        bool tied = false, int? width = null, double theta = 10000, int? rotaryDimensions = null, RotaryScaling? scaling = null) => new()
    {
        Family = "llama",
        Layers = layers,
        Width = width ?? heads * headDim,
        Heads = heads,
        KeyValueHeads = keyValueHeads,
        HeadDim = headDim,
        MlpWidth = mlpWidth,
        Vocabulary = vocabulary,
        Context = context,
        Norm = NormKind.RmsNorm,
        NormEpsilon = 1e-5f,
        Activation = ActivationFunction.Silu, Gated = true,
        Rotary = new RotaryConfig(theta, rotaryDimensions ?? headDim) { Scaling = scaling },
        TiedEmbedding = tied,
        AttentionScale = (float)(1 / Math.Sqrt(headDim)),
        BeginToken = 1,
        EndToken = 2,
    };

    /// <summary>A random GPT-2 of the default shape.</summary>
    public static ModelWeights Gpt2(int seed) => Create(Gpt2Config(), seed);

    /// <summary>A random Llama of the default shape.</summary>
    public static ModelWeights Llama(int seed) => Create(LlamaConfig(), seed);

    /// <summary>A random Qwen2: a Llama of the default shape with biases on q, k and v.</summary>
    public static ModelWeights Qwen2(int seed) => Create(LlamaConfig(tied: true) with { Family = "qwen2" }, seed, projectionBias: true);

    /// <summary>
    /// Random parameters for a configuration; every number is one that <paramref name="type"/> can store. A LayerNorm model has a
    /// bias at every matrix and a shift at every norm; an RMSNorm model has neither, except on q, k and v where
    /// <paramref name="projectionBias"/> asks for it. The logits have one where <paramref name="logitBias"/> does.
    /// </summary>
    public static ModelWeights Create(ModelConfig config, int seed, bool projectionBias = false, StoredType type = StoredType.F32, bool logitBias = false)
    {
        var random = new Random(seed);
        var biases = config.Norm == NormKind.LayerNorm;

        float[] Numbers(int count, double mean, double deviation)
        {
            var numbers = new float[count];
            for (var i = 0; i < count; i++) numbers[i] = type.Round((float)(mean + deviation * Gaussian(random)));
            return numbers;
        }

        // Deviations are such that a unit-sized x gives a y = x·W of the given size. q and k are made large: the attention of a
        // random model is otherwise nearly uniform, and nothing that a softmax does wrong would show.
        MatrixSource Matrix(int inputs, int outputs, double size) =>
            new ArrayMatrix(Numbers(inputs * outputs, 0, size / Math.Sqrt(inputs)), inputs, outputs, storedTransposed: false, type.Precision());
        float[] Scale() => Numbers(config.Width, 1, 0.3);
        float[]? HeadScale(int heads) => config.QueryKeyNorm == QueryKeyNorm.None ? null : Numbers(config.NormWidth(heads), 1.4, 0.4);
        float[]? Shift(int width, bool present) => present ? Numbers(width, 0, 0.3) : null;

        LayerWeights Layer() => new()
        {
            AttentionNormScale = config.NormsInputs ? Scale() : null,
            AttentionNormShift = Shift(config.Width, biases && config.NormsInputs),
            QueryKeyValue = Matrix(config.Width, config.ProjectionWidth, 1.6),
            QueryKeyValueBias = Shift(config.ProjectionWidth, biases || projectionBias),
            QueryNormScale = HeadScale(config.Heads),
            QueryNormShift = Shift(config.HeadDim, biases && config.QueryKeyNorm == QueryKeyNorm.Heads),
            KeyNormScale = HeadScale(config.KeyValueHeads),
            KeyNormShift = Shift(config.HeadDim, biases && config.QueryKeyNorm == QueryKeyNorm.Heads),
            Output = Matrix(config.QueryWidth, config.Width, 0.8),
            OutputBias = Shift(config.Width, biases),
            AttentionOutputNormScale = config.NormsOutputs ? Scale() : null,
            MlpNormScale = config.NormsInputs ? Scale() : null,
            MlpNormShift = Shift(config.Width, biases && config.NormsInputs),
            Up = Matrix(config.Width, config.Gated ? 2 * config.MlpWidth : config.MlpWidth, 1.5),
            UpBias = Shift(config.MlpWidth, biases),
            Down = Matrix(config.MlpWidth, config.Width, 1),
            DownBias = Shift(config.Width, biases),
            MlpOutputNormScale = config.NormsOutputs ? Scale() : null,
        };

        MatrixSource Rows(int rows, double size) =>
            new ArrayMatrix(Numbers(rows * config.Width, 0, size), rows, config.Width, storedTransposed: false, type.Precision());

        var embedding = Rows(config.Vocabulary, 0.7);
        return new ModelWeights
        {
            Config = config,
            Embedding = embedding,
            Positions = config.LearnsPositions ? Rows(config.Context, 0.3) : null,
            Layers = Enumerable.Range(0, config.Layers).Select(_ => Layer()).ToArray(),
            FinalNormScale = Scale(),
            FinalNormShift = Shift(config.Width, biases),
            Unembedding = config.TiedEmbedding ? embedding : Rows(config.Vocabulary, 0.5),
            UnembeddingBias = Shift(config.Vocabulary, logitBias),
        };
    }

    private static double Gaussian(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}
