using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>StarCoder2: Llama's attention and names between norms of the LayerNorm kind, an MLP without a gate, biases, and an attention window.</summary>
internal sealed class Starcoder2Family : ModelFamily
{
    internal override string ModelType => "starcoder2";
    internal override string Inner => "model.";
    internal override IReadOnlyList<string> Architectures { get; } = ["Starcoder2ForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int KeyValueHeadsOfTransformers = 2; // where the file does not say
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads");
        if (width % heads != 0) throw file.Unsupported("num_attention_heads", $"a divisor of hidden_size = {width}");
        var keyValueHeads = file.Size("num_key_value_heads", KeyValueHeadsOfTransformers);
        if (heads % keyValueHeads != 0) throw file.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        var headDim = width / heads;
        if (file.Has("head_dim") && file.Size("head_dim") != headDim) throw file.Unsupported("head_dim", $"hidden_size / num_attention_heads = {headDim}");
        if (headDim % 2 != 0) throw file.Bad($"the heads have {headDim} columns (hidden_size / num_attention_heads); supported: an even number");
        if ((file.Text("mlp_type") ?? "default") != "default") throw file.Unsupported("mlp_type", "default");
        if ((file.Text("norm_type") ?? "layer_norm") != "layer_norm") throw file.Unsupported("norm_type", "layer_norm");
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
            Context = ReadContext(file),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "gelu_pytorch_tanh"),
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    /// <summary>Every query reads every earlier position, so prompts can be as long as the window, in which it makes no difference.</summary>
    private static int ReadContext(ConfigFile file)
    {
        var windowed = file.Has("sliding_window");
        if (file.Texts("layer_types").Any(type => type != "full_attention" && !(windowed && type == "sliding_attention")))
            throw file.Unsupported("layer_types", windowed ? "full_attention, sliding_attention" : "full_attention");
        var context = file.Length("max_position_embeddings");
        return windowed ? Math.Min(context, file.Length("sliding_window")) : context;
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
        var hasBias = tensors.Config.Flag("use_bias", true);
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "input_layernorm.weight", d),
            AttentionNormShift = tensors.Vector(prefix + "input_layernorm.bias", d),
            QueryKeyValue = tensors.Linear(
                d, (attention + "q_proj.weight", q), (attention + "k_proj.weight", kv), (attention + "v_proj.weight", kv)),
            QueryKeyValueBias = hasBias
                ? tensors.Vectors((attention + "q_proj.bias", q), (attention + "k_proj.bias", kv), (attention + "v_proj.bias", kv))
                : null,
            Output = tensors.Linear(q, (attention + "o_proj.weight", d)),
            OutputBias = hasBias ? tensors.Vector(attention + "o_proj.bias", d) : null,
            MlpNormScale = tensors.Vector(prefix + "post_attention_layernorm.weight", d),
            MlpNormShift = tensors.Vector(prefix + "post_attention_layernorm.bias", d),
            Up = tensors.Linear(d, (mlp + "c_fc.weight", f)),
            UpBias = hasBias ? tensors.Vector(mlp + "c_fc.bias", f) : null,
            Down = tensors.Linear(f, (mlp + "c_proj.weight", d)),
            DownBias = hasBias ? tensors.Vector(mlp + "c_proj.bias", d) : null,
        };
    }
}
