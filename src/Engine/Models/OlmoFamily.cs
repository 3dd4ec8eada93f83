using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>OLMo (the first): Llama's matrices and names between norms of the LayerNorm kind that have no parameters.</summary>
internal sealed class OlmoFamily : ModelFamily
{
    internal override string ModelType => "olmo";
    internal override string Inner => "model.";
    internal override IReadOnlyList<string> Architectures { get; } = ["OlmoForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads");
        if (width % heads != 0) throw file.Unsupported("num_attention_heads", $"a divisor of hidden_size = {width}");
        var keyValueHeads = file.Size("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0) throw file.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        var headDim = width / heads;
        if (headDim % 2 != 0) throw file.Bad($"the heads have {headDim} columns (hidden_size / num_attention_heads); supported: an even number");
        if (file.Has("clip_qkv")) throw file.Unsupported("clip_qkv", "null");
        file.Require("attention_bias", false);
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
            NormEpsilon = 1e-5f, // no setting of the family
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    internal override ModelWeights ReadWeights(ModelConfig config, TensorTable tensors)
    {
        var root = tensors.Root;
        tensors.Ignore(root + "rotary_emb.inv_freq");
        var (embedding, unembedding) = tensors.Embeddings(config, root + "embed_tokens.weight", "lm_head.weight");
        var layers = new List<LayerWeights>();
        for (var l = 0; l < config.Layers; l++) layers.Add(ReadLayer(config, tensors, $"{root}layers.{l}."));
        return new ModelWeights(tensors.Files)
        {
            Config = config,
            Embedding = embedding,
            Layers = layers,
            FinalNormScale = Ones(config),
            Unembedding = unembedding,
            Hash = tensors.Verify(),
        };
    }

    private static LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, q, kv, f) = (config.Width, config.QueryWidth, config.KeyWidth, config.MlpWidth);
        string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
        tensors.Ignore(attention + "rotary_emb.inv_freq");
        // Matrices first: their shapes are checked against the file, and only then is anything made as wide as config.json says.
        var projection = tensors.Linear(
            d, (attention + "q_proj.weight", q), (attention + "k_proj.weight", kv), (attention + "v_proj.weight", kv));
        return new LayerWeights
        {
            AttentionNormScale = Ones(config),
            QueryKeyValue = projection,
            Output = tensors.Linear(q, (attention + "o_proj.weight", d)),
            MlpNormScale = Ones(config),
            Up = tensors.Linear(d, (mlp + "gate_proj.weight", f), (mlp + "up_proj.weight", f)),
            Down = tensors.Linear(f, (mlp + "down_proj.weight", d)),
        };
    }

    private static float[] Ones(ModelConfig config)
    {
        var ones = new float[config.Width];
        Array.Fill(ones, 1);
        return ones;
    }
}
