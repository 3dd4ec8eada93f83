using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Gemma (the first): Llama's blocks and names, but that norms multiply by 1 + their weight, embeddings by √d, the gate is GELU in its tanh
/// form, and heads have a width of their own.
/// </summary>
internal sealed class GemmaFamily : ModelFamily
{
    internal override string ModelType => "gemma";
    internal override string Inner => "model.";
    internal override IReadOnlyList<string> Architectures { get; } = ["GemmaForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int HeadsOfTransformers = 16, HeadDimOfTransformers = 256; // where the file does not say
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads", HeadsOfTransformers);
        var keyValueHeads = file.Size("num_key_value_heads", HeadsOfTransformers);
        if (heads % keyValueHeads != 0) throw file.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        var headDim = file.Size("head_dim", HeadDimOfTransformers);
        if (headDim % 2 != 0) throw file.Unsupported("head_dim", "an even number");
        CheckActivation(file);
        file.Require("attention_bias", false);
        file.Require("use_bidirectional_attention", false);
        if (file.Texts("layer_types").Any(type => type != "full_attention")) throw file.Unsupported("layer_types", "full_attention");
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
    }

    /// <summary>The first files say "gelu" in hidden_act and mean the tanh form, which later ones call by its name or add as hidden_activation.</summary>
    private static void CheckActivation(ConfigFile file)
    {
        const string Tanh = "gelu_pytorch_tanh", TanhToo = "gelu_new";
        if ((file.Text("hidden_activation") ?? Tanh) is not (Tanh or TanhToo)) throw file.Unsupported("hidden_activation", $"{Tanh}, {TanhToo}");
        if ((file.Text("hidden_act") ?? Tanh) is not (Tanh or TanhToo or "gelu")) throw file.Unsupported("hidden_act", $"{Tanh}, {TanhToo}, gelu (which means the same here)");
    }

    internal override ModelWeights ReadWeights(ModelConfig config, TensorTable tensors)
    {
        var root = tensors.Root;
        tensors.Ignore(root + "rotary_emb.inv_freq");
        var (embedding, unembedding) = tensors.Embeddings(config, root + "embed_tokens.weight", "lm_head.weight");
        var layers = new List<LayerWeights>();
        for (var l = 0; l < config.Layers; l++) layers.Add(ReadLayer(config, tensors, $"{root}layers.{l}."));
        var finalScale = Scale(config, tensors, root + "norm.weight");
        return new ModelWeights(tensors.Files)
        {
            Config = config,
            Embedding = embedding,
            Layers = layers,
            FinalNormScale = finalScale,
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
            AttentionNormScale = Scale(config, tensors, prefix + "input_layernorm.weight"),
            QueryKeyValue = tensors.Linear(
                d, (attention + "q_proj.weight", q), (attention + "k_proj.weight", kv), (attention + "v_proj.weight", kv)),
            Output = tensors.Linear(q, (attention + "o_proj.weight", d)),
            MlpNormScale = Scale(config, tensors, prefix + "post_attention_layernorm.weight"),
            Up = tensors.Linear(d, (mlp + "gate_proj.weight", f), (mlp + "up_proj.weight", f)),
            Down = tensors.Linear(f, (mlp + "down_proj.weight", d)),
        };
    }

    private static float[] Scale(ModelConfig config, TensorTable tensors, string name) => Array.ConvertAll(tensors.Vector(name, config.Width), weight => 1 + weight);
}
