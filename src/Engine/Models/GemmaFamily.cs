using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Gemma (the first): Llama's blocks and names, but that norms multiply by 1 + their weight, embeddings by √d, the gate is GELU in its tanh
/// form, and heads have a width of their own.
/// </summary>
internal sealed class GemmaFamily : LlamaNamedFamily
{
    internal override string ModelType => "gemma";
    internal override IReadOnlyList<string> Architectures { get; } = ["GemmaForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int HeadsOfTransformers = 16, HeadDimOfTransformers = 256; // where the file does not say
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads", HeadsOfTransformers);
        var keyValueHeads = ReadKeyValueHeads(file, heads, HeadsOfTransformers);
        var headDim = file.Size("head_dim", HeadDimOfTransformers);
        if (headDim % 2 != 0) throw file.Unsupported("head_dim", "an even number");
        CheckActivation(file);
        file.Require("attention_bias", false);
        file.Require("use_bidirectional_attention", false);
        var config = Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-6),
            Activation = ActivationFunction.GeluTanh,
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            EmbeddingScale = (float)Math.Sqrt(width),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        return config with { Windows = AttentionWindows.None(file, config.Layers) };
    }

    /// <summary>The first files say "gelu" in hidden_act and mean the tanh form, which later ones call by its name or add as hidden_activation.</summary>
    private static void CheckActivation(ConfigFile file)
    {
        const string Tanh = "gelu_pytorch_tanh", TanhToo = "gelu_new";
        if ((file.Text("hidden_activation") ?? Tanh) is not (Tanh or TanhToo)) throw file.Unsupported("hidden_activation", $"{Tanh}, {TanhToo}");
        if ((file.Text("hidden_act") ?? Tanh) is not (Tanh or TanhToo or "gelu")) throw file.Unsupported("hidden_act", $"{Tanh}, {TanhToo}, gelu (which means the same here)");
    }

    protected override float[] NormScale(float[] stored) => OnePlus(stored);

    /// <summary>Gemma's norms multiply by 1 + their weights.</summary>
    internal static float[] OnePlus(float[] stored) => Array.ConvertAll(stored, weight => 1 + weight);
}
