using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>Qwen3: Llama's blocks and names, with a norm of every head's queries and keys.</summary>
internal sealed class Qwen3Family : LlamaNamedFamily
{
    internal override string ModelType => "qwen3";
    internal override IReadOnlyList<string> Architectures { get; } = ["Qwen3ForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int KeyValueHeadsOfTransformers = 32, HeadDimOfTransformers = 128; // where the file does not say
        var heads = file.Size("num_attention_heads");
        var headDim = file.Size("head_dim", HeadDimOfTransformers);
        var config = Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = file.Size("hidden_size"),
            Heads = heads,
            KeyValueHeads = ReadKeyValueHeads(file, heads, file.IsNull("num_key_value_heads") ? heads : KeyValueHeadsOfTransformers),
            HeadDim = headDim,
            QueryKeyNorm = QueryKeyNorm.Heads,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-6),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        return config with { Windows = AttentionWindows.OfQwen(file, config.Layers) };
    }

    protected override Biases BiasesOf(ConfigFile file)
    {
        var has = file.Flag("attention_bias", false);
        return new(has, has, Mlp: false);
    }
}
