using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// StableLM: Llama's matrices and names between norms of the LayerNorm kind, rotary positions on a share of every head. The sizes
/// that norm q and k, whose blocks are parallel besides, are refused.
/// </summary>
internal sealed class StableLmFamily : ModelFamily
{
    internal override string ModelType => "stablelm";
    internal override string Inner => "model.";
    internal override IReadOnlyList<string> Architectures { get; } = ["StableLmForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int KeyValueHeadsOfTransformers = 32; // where the file does not say
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads");
        if (width % heads != 0) throw file.Unsupported("num_attention_heads", $"a divisor of hidden_size = {width}");
        var keyValueHeads = file.Size("num_key_value_heads", KeyValueHeadsOfTransformers);
        if (heads % keyValueHeads != 0) throw file.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        var headDim = width / heads;
        file.Require("qk_layernorm", false);
        file.Require("use_parallel_residual", false);
        return Checked(file, new ModelConfig
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
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_eps", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.ReadPartial(file, headDim, "rope_theta", "partial_rotary_factor", 0.25),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    internal override ModelWeights ReadWeights(ModelConfig config, TensorTable tensors)
    {
        var d = config.Width;
        var root = tensors.Root;
        tensors.Ignore(root + "rotary_emb.inv_freq");
        var (embedding, unembedding) = tensors.Embeddings(config, root + "embed_tokens.weight", "lm_head.weight");
        var layers = new List<LayerWeights>();
        for (var l = 0; l < config.Layers; l++) layers.Add(ReadLayer(config, tensors, $"{root}layers.{l}."));
        var finalScale = tensors.Vector(root + "norm.weight", d);
        var finalShift = tensors.Vector(root + "norm.bias", d);
        return new ModelWeights(tensors.Files)
        {
            Config = config,
            Embedding = embedding,
            Layers = layers,
            FinalNormScale = finalScale,
            FinalNormShift = finalShift,
            Unembedding = unembedding,
            Hash = tensors.Verify(),
        };
    }

    private static LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, q, kv, f) = (config.Width, config.QueryWidth, config.KeyWidth, config.MlpWidth);
        string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
        tensors.Ignore(attention + "rotary_emb.inv_freq");
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "input_layernorm.weight", d),
            AttentionNormShift = tensors.Vector(prefix + "input_layernorm.bias", d),
            QueryKeyValue = tensors.Linear(
                d, (attention + "q_proj.weight", q), (attention + "k_proj.weight", kv), (attention + "v_proj.weight", kv)),
            QueryKeyValueBias = tensors.Config.Flag("use_qkv_bias", false)
                ? tensors.Vectors((attention + "q_proj.bias", q), (attention + "k_proj.bias", kv), (attention + "v_proj.bias", kv))
                : null,
            Output = tensors.Linear(q, (attention + "o_proj.weight", d)),
            MlpNormScale = tensors.Vector(prefix + "post_attention_layernorm.weight", d),
            MlpNormShift = tensors.Vector(prefix + "post_attention_layernorm.bias", d),
            Up = tensors.Linear(d, (mlp + "gate_proj.weight", f), (mlp + "up_proj.weight", f)),
            Down = tensors.Linear(f, (mlp + "down_proj.weight", d)),
        };
    }
}
