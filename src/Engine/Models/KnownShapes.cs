using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>The shapes of published models, and how their checkpoints store numbers.</summary>
internal static class KnownShapes
{
    internal static readonly Dictionary<string, (ModelConfig Config, WeightPrecision Precision)> All = new(StringComparer.Ordinal)
    {
        ["gpt2"] = (Gpt2(12, 768, 12), WeightPrecision.Float32),
        ["gpt2-medium"] = (Gpt2(24, 1024, 16), WeightPrecision.Float32),
        ["gpt2-large"] = (Gpt2(36, 1280, 20), WeightPrecision.Float32),
        ["gpt2-xl"] = (Gpt2(48, 1600, 25), WeightPrecision.Float32),
        ["llama-1b"] = (Llama3(16, 2048, 32, 64, 8192, tied: true, stretch: 32), WeightPrecision.BFloat16),
        ["llama-3b"] = (Llama3(28, 3072, 24, 128, 8192, tied: true, stretch: 32), WeightPrecision.BFloat16),
        ["llama-8b"] = (Llama3(32, 4096, 32, 128, 14336, tied: false, stretch: 8), WeightPrecision.BFloat16),
        ["pythia-160m"] = (Pythia(12, 768, 12), WeightPrecision.Float32),
        ["pythia-1.4b"] = (Pythia(24, 2048, 16), WeightPrecision.Float32),
        ["gemma-2-2b"] = (Gemma2(), WeightPrecision.BFloat16),
        ["olmo2-1b"] = (Olmo2(), WeightPrecision.BFloat16),
        ["qwen3-0.6b"] = (Qwen3(), WeightPrecision.BFloat16),
        ["phi-3-mini"] = (Phi3Mini(), WeightPrecision.BFloat16),
        ["stories260k"] = (Stories(5, 64, 8, 4, 172, 512, 512), WeightPrecision.Float32),
        ["stories15m"] = (Stories(6, 288, 6, 6, 768, 32000, 256), WeightPrecision.Float32),
        ["stories42m"] = (Stories(8, 512, 8, 8, 1376, 32000, 1024), WeightPrecision.Float32),
        ["stories110m"] = (Stories(12, 768, 12, 12, 2048, 32000, 1024), WeightPrecision.Float32),
    };

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

    private static ModelConfig Pythia(int layers, int width, int heads) => new()
    {
        Family = "gpt_neox",
        Layers = layers,
        Width = width,
        Heads = heads,
        KeyValueHeads = heads,
        HeadDim = width / heads,
        MlpWidth = 4 * width,
        Vocabulary = 50304,
        Context = 2048,
        Norm = NormKind.LayerNorm,
        NormEpsilon = 1e-5f,
        Activation = ActivationFunction.GeluErf,
        Rotary = new RotaryConfig(10000, width / heads / 4),
        TiedEmbedding = false,
        ParallelBlocks = true,
        AttentionScale = (float)(1 / Math.Sqrt(width / heads)),
        BeginToken = 0,
        EndToken = 0,
    };

    private static ModelConfig Gemma2() => new()
    {
        Family = "gemma2",
        Layers = 26,
        Width = 2304,
        Heads = 8,
        KeyValueHeads = 4,
        HeadDim = 256,
        MlpWidth = 9216,
        Vocabulary = 256000,
        Context = 8192,
        Norm = NormKind.RmsNorm,
        NormsOutputs = true,
        NormEpsilon = 1e-6f,
        Activation = ActivationFunction.GeluTanh,
        Gated = true,
        Rotary = new RotaryConfig(10000, 256),
        TiedEmbedding = true,
        EmbeddingScale = 48, // √2304
        AttentionScale = 1f / 16,
        Windows = [.. Enumerable.Range(0, 26).Select(l => l % 2 == 0 ? 4096 : (int?)null)],
        AttentionCap = 50,
        LogitCap = 30,
        BeginToken = 2,
        EndToken = 1,
    };

    private static ModelConfig Olmo2() => new()
    {
        Family = "olmo2",
        Layers = 16,
        Width = 2048,
        Heads = 16,
        KeyValueHeads = 16,
        HeadDim = 128,
        QueryKeyNorm = QueryKeyNorm.Layer,
        MlpWidth = 8192,
        Vocabulary = 100352,
        Context = 4096,
        Norm = NormKind.RmsNorm,
        NormsInputs = false,
        NormsOutputs = true,
        NormEpsilon = 1e-6f,
        Activation = ActivationFunction.Silu,
        Gated = true,
        Rotary = new RotaryConfig(500000, 128),
        TiedEmbedding = false,
        AttentionScale = (float)(1 / Math.Sqrt(128)),
        BeginToken = 100257,
        EndToken = 100257,
    };

    private static ModelConfig Qwen3() => new()
    {
        Family = "qwen3",
        Layers = 28,
        Width = 1024,
        Heads = 16,
        KeyValueHeads = 8,
        HeadDim = 128,
        QueryKeyNorm = QueryKeyNorm.Heads,
        MlpWidth = 3072,
        Vocabulary = 151936,
        Context = 40960,
        Norm = NormKind.RmsNorm,
        NormEpsilon = 1e-6f,
        Activation = ActivationFunction.Silu,
        Gated = true,
        Rotary = new RotaryConfig(1000000, 128),
        TiedEmbedding = true,
        AttentionScale = (float)(1 / Math.Sqrt(128)),
        BeginToken = 151643,
        EndToken = 151645,
    };

    /// <summary>The one with a context of 4096; without its window of 2047 tokens, in which prompts that are measured fit.</summary>
    private static ModelConfig Phi3Mini() => Stories(32, 3072, 32, 32, 8192, 32064, 4096) with { Family = "phi3", TiedEmbedding = false, EndToken = 32000 };
}
