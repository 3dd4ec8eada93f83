using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Falcon: rotary positions, LayerNorm, one projection stored by key heads. The 7B has one key head for all and one norm for heads and MLP of a layer, which
/// read the same stream; the 40B and later ("new_decoder_architecture") several key heads and a norm for either; the 1B's MLP reads what its heads
/// leave. The "rw" models have biases of the scores (alibi) for positions.
/// </summary>
internal sealed class FalconFamily : ModelFamily
{
    internal override string ModelType => "falcon";
    internal override string Inner => "transformer.";
    internal override IReadOnlyList<string> Architectures { get; } = ["FalconForCausalLM"];
    protected override OuterNames Outer => new("word_embeddings.weight", "lm_head.weight", "h", "ln_f");

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int ContextOfTransformers = 2048; // where the file does not say
        var (width, heads, headDim) = ReadHeads(file);
        var isBiased = file.Flag("alibi", false);
        file.Require("apply_residual_connection_post_layernorm", false);
        var isNew = file.Flag("new_decoder_architecture", false);
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = ReadKeyHeads(file, heads, isNew),
            HeadDim = headDim,
            MlpWidth = file.Has("ffn_hidden_size") ? file.Size("ffn_hidden_size") : checked(4 * width),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Has("max_position_embeddings") ? file.Length("max_position_embeddings") : ContextOfTransformers,
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "activation", "gelu"),
            Rotary = isBiased ? null : RotarySettings.Read(file, headDim),
            Alibi = isBiased ? new AlibiConfig(heads) : null,
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            ParallelBlocks = isNew || file.Flag("parallel_attn", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    private static int ReadKeyHeads(ConfigFile file, int heads, bool isNew)
    {
        if (!isNew) return file.Flag("multi_query", true) ? 1 : heads;
        var keyHeads = file.Size("num_kv_heads", heads);
        return heads % keyHeads == 0 ? keyHeads : throw file.Unsupported("num_kv_heads", $"a divisor of num_attention_heads = {heads}");
    }

    /// <summary>The names of the norms that heads and MLP read through.</summary>
    private static (string Attention, string Mlp) NormNames(ConfigFile file, bool isParallel)
    {
        const string Key = "num_ln_in_parallel_attn", Shared = "input_layernorm";
        if (!file.Flag("new_decoder_architecture", false)) return (Shared, isParallel ? Shared : "post_attention_layernorm");
        return file.Size(Key, 2) switch
        {
            2 => ("ln_attn", "ln_mlp"),
            1 when file.Flag("parallel_attn", true) => (Shared, Shared),
            _ => throw file.Unsupported(Key, "2, or 1 with parallel_attn"),
        };
    }

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        string attention = prefix + "self_attention.", mlp = prefix + "mlp.";
        IgnoreFrequencies(config, tensors, attention);
        var hasBias = tensors.Config.Flag("bias", false);
        var names = NormNames(tensors.Config, config.ParallelBlocks);
        float[]? Bias(string name, int length) => hasBias ? tensors.Vector(name + ".bias", length) : null;
        var projection = attention + "query_key_value";
        var matrix = tensors.HeadwiseLinear(d, projection + ".weight", config.Heads, config.KeyValueHeads, config.HeadDim);
        var attentionNorm = ReadNorm(config, tensors, prefix + names.Attention);
        var mlpNorm = names.Mlp == names.Attention ? attentionNorm : ReadNorm(config, tensors, prefix + names.Mlp);
        return new LayerWeights
        {
            AttentionNormScale = attentionNorm.Scale,
            AttentionNormShift = attentionNorm.Shift,
            QueryKeyValue = matrix,
            QueryKeyValueBias = hasBias ? tensors.HeadwiseVector(projection + ".bias", config.Heads, config.KeyValueHeads, config.HeadDim) : null,
            Output = tensors.Linear(d, (attention + "dense.weight", d)),
            OutputBias = Bias(attention + "dense", d),
            MlpNormScale = mlpNorm.Scale,
            MlpNormShift = mlpNorm.Shift,
            Up = tensors.Linear(d, (mlp + "dense_h_to_4h.weight", f)),
            UpBias = Bias(mlp + "dense_h_to_4h", f),
            Down = tensors.Linear(f, (mlp + "dense_4h_to_h.weight", d)),
            DownBias = Bias(mlp + "dense_4h_to_h", d),
        };
    }
}
