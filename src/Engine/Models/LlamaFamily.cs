using Faith.Kernels;
namespace Faith.Engine.Models;

/// <summary>
/// Llama and the families that share its blocks (Mistral, Qwen2): rotary positions, RMSNorm, gated MLP, grouped heads, matrices
/// stored as [out × in]. They differ in which biases they have and in attention windows.
/// </summary>
internal sealed class LlamaFamily(string modelType) : ModelFamily
{
    internal override string ModelType => modelType;

    internal override string Inner => "model.";

    internal override IReadOnlyList<string> Architectures { get; } = modelType switch
    {
        "mistral" => ["MistralForCausalLM"],
        "qwen2" => ["Qwen2ForCausalLM"],
        _ => ["LlamaForCausalLM"],
    };

    private readonly record struct Biases(bool QueryKeyValue, bool Output, bool Mlp);

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        if ((file.Text("hidden_act") ?? "silu") is not ("silu" or "swish")) throw file.Unsupported("hidden_act", "silu");
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads");
        var keyValueHeads = file.Size("num_key_value_heads", heads);
        if (heads % keyValueHeads != 0) throw file.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
        if (!file.Has("head_dim") && width % heads != 0)
        {
            throw file.Unsupported("num_attention_heads", $"a divisor of hidden_size = {width} (or a head_dim)");
        }
        var headDim = file.Size("head_dim", Math.Max(1, width / heads));
        if (headDim % 2 != 0)
        {
            throw file.Bad($"the heads have {headDim} columns (head_dim, or hidden_size / num_attention_heads); supported: an even number");
        }
        CheckBiases(file);
        return Checked(file, new ModelConfig
        {
            Family = modelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = ReadContext(file),
            Norm = NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-6),
            Activation = ActivationFunction.Silu,
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    /// <summary>Every query reads every earlier position, so of a model with a sliding window prompts can be as long as the window, in which it makes no difference.</summary>
    private int ReadContext(ConfigFile file)
    {
        const int WindowOfTransformers = 4096; // where the file does not say; null is none
        var context = file.Length("max_position_embeddings");
        // Qwen2 states a window and a switch for it; the switch is off unless given. Llama has no window.
        var windowed = (modelType == "mistral" || (modelType == "qwen2" && file.Flag("use_sliding_window", false))) && !file.IsNull("sliding_window");
        if (file.Texts("layer_types").Any(type => type != "full_attention" && !(windowed && type == "sliding_attention")))
            throw file.Unsupported("layer_types", windowed ? "full_attention, sliding_attention" : "full_attention");
        return windowed ? Math.Min(context, file.Length("sliding_window", WindowOfTransformers)) : context;
    }

    private void CheckBiases(ConfigFile file)
    {
        // Only Llama's modelling code reads these keys; elsewhere a value that it would not follow is refused.
        if (modelType == "llama") return;
        if (file.Has("attention_bias")) file.Require("attention_bias", modelType == "qwen2");
        file.Require("mlp_bias", false);
    }

    internal override ModelWeights ReadWeights(ModelConfig config, TensorTable tensors)
    {
        var d = config.Width;
        var root = tensors.Root;
        // Old checkpoints store the table of rotary frequencies.
        tensors.Ignore(root + "rotary_emb.inv_freq");
        var (embedding, unembedding) = tensors.Embeddings(config, root + "embed_tokens.weight", "lm_head.weight");
        var layers = new List<LayerWeights>();
        for (var l = 0; l < config.Layers; l++) layers.Add(ReadLayer(config, tensors, $"{root}layers.{l}."));
        var finalScale = tensors.Vector(root + "norm.weight", d);
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

    private LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, q, kv, f) = (config.Width, config.QueryWidth, config.KeyWidth, config.MlpWidth);
        tensors.Ignore(prefix + "self_attn.rotary_emb.inv_freq");
        var biases = BiasesOf(tensors.Config);
        string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "input_layernorm.weight", d),
            QueryKeyValue = tensors.Linear(
                d, (attention + "q_proj.weight", q), (attention + "k_proj.weight", kv), (attention + "v_proj.weight", kv)),
            QueryKeyValueBias = biases.QueryKeyValue
                ? tensors.Vectors((attention + "q_proj.bias", q), (attention + "k_proj.bias", kv), (attention + "v_proj.bias", kv))
                : null,
            Output = tensors.Linear(q, (attention + "o_proj.weight", d)),
            OutputBias = biases.Output ? tensors.Vector(attention + "o_proj.bias", d) : null,
            MlpNormScale = tensors.Vector(prefix + "post_attention_layernorm.weight", d),
            Up = tensors.Linear(d, (mlp + "gate_proj.weight", f), (mlp + "up_proj.weight", f)),
            UpBias = biases.Mlp ? tensors.Vectors((mlp + "gate_proj.bias", f), (mlp + "up_proj.bias", f)) : null,
            Down = tensors.Linear(f, (mlp + "down_proj.weight", d)),
            DownBias = biases.Mlp ? tensors.Vector(mlp + "down_proj.bias", d) : null,
        };
    }

    private Biases BiasesOf(ConfigFile file) => modelType switch
    {
        "qwen2" => new Biases(QueryKeyValue: true, Output: false, Mlp: false),
        "llama" => new Biases(file.Flag("attention_bias", false), file.Flag("attention_bias", false), file.Flag("mlp_bias", false)),
        _ => default,
    };
}
