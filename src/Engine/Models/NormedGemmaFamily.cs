using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// The later generations of Gemma: the first one's blocks (<see cref="GemmaFamily"/>) with norms of what attention and MLP put out too, windows in
/// some layers, soft caps, and a factor of the scores that does not follow from the width of a head.
/// </summary>
internal abstract class NormedGemmaFamily : LlamaNamedFamily
{
    protected sealed override NormNames Norms => new("input_layernorm", "post_attention_layernorm", "pre_feedforward_layernorm", "post_feedforward_layernorm");

    protected sealed override float[] NormScale(float[] stored) => GemmaFamily.OnePlus(stored);

    /// <summary>The caps where the file does not say; null: none.</summary>
    protected abstract (float? Scores, float? Logits) Caps { get; }

    /// <summary>Longest prompt where the file does not say.</summary>
    protected abstract int ContextOfTransformers { get; }

    /// <summary>Whether a layer has a window where the file does not say by layer_types.</summary>
    protected abstract bool Slides(ConfigFile file, int layer);

    /// <summary>What the generation has beside that.</summary>
    protected abstract ModelConfig Finish(ConfigFile file, ModelConfig config);

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        // Where the file does not say: the sizes of one published model stand in the code for all.
        const int Width = 2304, Mlp = 9216, Layers = 26, Heads = 8, KeyValueHeads = 4, HeadDim = 256, Scalar = 256, Window = 4096;
        const string Tanh = "gelu_pytorch_tanh";
        var heads = file.Size("num_attention_heads", Heads);
        var width = file.Size("hidden_size", Width);
        var activation = ActivationNames.Read(file, "hidden_activation", Tanh);
        if (file.Has("hidden_act") && ActivationNames.Read(file, "hidden_act", Tanh) != activation) throw file.Unsupported("hidden_act", "the value of hidden_activation, or none");
        file.Require("attention_bias", false);
        file.Require("use_bidirectional_attention", false);
        var config = Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers", Layers),
            Width = width,
            Heads = heads,
            KeyValueHeads = ReadKeyValueHeads(file, heads, KeyValueHeads),
            HeadDim = file.Size("head_dim", HeadDim),
            MlpWidth = file.Size("intermediate_size", Mlp),
            Vocabulary = ReadVocabulary(file),
            Context = file.Has("max_position_embeddings") ? file.Length("max_position_embeddings") : ContextOfTransformers,
            Norm = NormKind.RmsNorm,
            NormsOutputs = true,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-6),
            Activation = activation,
            Gated = true,
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            EmbeddingScale = (float)Math.Sqrt(width),
            AttentionScale = (float)(1 / Math.Sqrt(file.Positive("query_pre_attn_scalar", Scalar))),
            AttentionCap = Cap(file, "attn_logit_softcapping", Caps.Scores),
            LogitCap = Cap(file, "final_logit_softcapping", Caps.Logits),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        var window = AttentionWindows.Read(file, Window);
        return Finish(file, config with { Windows = AttentionWindows.ByType(file, config.Layers, window, l => Slides(file, l)) });
    }

    /// <summary>Number of tokens.</summary>
    protected virtual int ReadVocabulary(ConfigFile file) => file.Size("vocab_size");

    private static float? Cap(ConfigFile file, string key, float? otherwise)
    {
        if (file.IsNull(key)) return null;
        if (!file.Has(key)) return otherwise;
        var cap = (float)file.Positive(key);
        return cap > 0 && float.IsFinite(cap) ? cap : throw file.Unsupported(key, "null or a number between 1e-45 and 1e38");
    }
}
