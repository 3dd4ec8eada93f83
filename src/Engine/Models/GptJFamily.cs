using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// GPT-J: rotary positions by which neighbouring columns of a head turn, no biases in attention but one of the logits. Heads and MLP of a layer read the
/// same stream through the same norm.
/// </summary>
internal sealed class GptJFamily : ModelFamily
{
    internal override string ModelType => "gptj";
    internal override string Inner => "transformer.";
    internal override IReadOnlyList<string> Architectures { get; } = ["GPTJForCausalLM"];
    protected override OuterNames Outer => new("wte.weight", "lm_head.weight", "h", "ln_f");
    protected override string UnembeddingBias => "lm_head.bias";

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int ColumnsOfTransformers = 64; // where the file does not say
        const double Theta = 10000; // no setting of the family
        var width = file.Size("n_embd");
        var heads = file.Size("n_head");
        if (width % heads != 0) throw file.Unsupported("n_head", $"a divisor of n_embd = {width}");
        var headDim = width / heads;
        var turning = file.Size("rotary_dim", ColumnsOfTransformers);
        if (file.IsNull("rotary_dim") || turning % 2 != 0 || turning > headDim) throw file.Unsupported("rotary_dim", $"an even number of the {headDim} columns of a head");
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("n_layer"),
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = headDim,
            MlpWidth = file.Has("n_inner") ? file.Size("n_inner") : checked(4 * width),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("n_positions"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "activation_function", "gelu_new"),
            Rotary = new RotaryConfig(Theta, turning) { Interleaved = true },
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            ParallelBlocks = true,
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        string attention = prefix + "attn.", mlp = prefix + "mlp.";
        // The mask and its fill value, which checkpoints store as if they were weights.
        tensors.Ignore(attention + "bias");
        tensors.Ignore(attention + "masked_bias");
        var (scale, shift) = ReadNorm(config, tensors, prefix + "ln_1");
        return new LayerWeights
        {
            AttentionNormScale = scale,
            AttentionNormShift = shift,
            QueryKeyValue = ReadProjection(config, tensors, attention, hasBias: false).Matrix,
            Output = tensors.Linear(d, (attention + "out_proj.weight", d)),
            MlpNormScale = scale,
            MlpNormShift = shift,
            Up = tensors.Linear(d, (mlp + "fc_in.weight", f)),
            UpBias = tensors.Vector(mlp + "fc_in.bias", f),
            Down = tensors.Linear(f, (mlp + "fc_out.weight", d)),
            DownBias = tensors.Vector(mlp + "fc_out.bias", d),
        };
    }
}
