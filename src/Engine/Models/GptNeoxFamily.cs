using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// GPT-NeoX (Pythia): rotary positions on a share of every head, LayerNorm, biases, one projection stored head by head, matrices stored as
/// [out × in]. Heads and MLP of a layer read the same stream, each through a norm of its own, unless the configuration says otherwise.
/// </summary>
internal sealed class GptNeoxFamily : ModelFamily
{
    internal override string ModelType => "gpt_neox";
    internal override string Inner => "gpt_neox.";
    internal override IReadOnlyList<string> Architectures { get; } = ["GPTNeoXForCausalLM"];
    protected override OuterNames Outer => new("embed_in.weight", "embed_out.weight", "layers", "final_layer_norm");

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var (width, heads, headDim) = ReadHeads(file);
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_eps", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "gelu"),
            Rotary = RotarySettings.ReadPartial(file, headDim, "rotary_emb_base", "rotary_pct", 0.25),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            ParallelBlocks = file.Flag("use_parallel_residual", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        string attention = prefix + "attention.", mlp = prefix + "mlp.";
        // The causal mask and its fill value, which older checkpoints store as if they were weights.
        tensors.Ignore(attention + "bias");
        tensors.Ignore(attention + "masked_bias");
        IgnoreFrequencies(config, tensors, attention);
        var hasBias = tensors.Config.Flag("attention_bias", true);
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "input_layernorm.weight", d),
            AttentionNormShift = tensors.Vector(prefix + "input_layernorm.bias", d),
            QueryKeyValue = tensors.HeadwiseLinear(d, attention + "query_key_value.weight", config.Heads, config.Heads, config.HeadDim),
            QueryKeyValueBias = hasBias ? tensors.HeadwiseVector(attention + "query_key_value.bias", config.Heads, config.Heads, config.HeadDim) : null,
            Output = tensors.Linear(d, (attention + "dense.weight", d)),
            OutputBias = hasBias ? tensors.Vector(attention + "dense.bias", d) : null,
            MlpNormScale = tensors.Vector(prefix + "post_attention_layernorm.weight", d),
            MlpNormShift = tensors.Vector(prefix + "post_attention_layernorm.bias", d),
            Up = tensors.Linear(d, (mlp + "dense_h_to_4h.weight", f)),
            UpBias = tensors.Vector(mlp + "dense_h_to_4h.bias", f),
            Down = tensors.Linear(f, (mlp + "dense_4h_to_h.weight", d)),
            DownBias = tensors.Vector(mlp + "dense_4h_to_h.bias", d),
        };
    }
}
