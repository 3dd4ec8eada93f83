using Faith.Kernels;
namespace Faith.Engine.Models;

/// <summary>GPT-2: learned positions, LayerNorm, biases everywhere, one fused projection, matrices stored as [in × out].</summary>
internal sealed class Gpt2Family : ModelFamily
{
    internal override string ModelType => "gpt2";
    internal override string Inner => "transformer.";
    internal override IReadOnlyList<string> Architectures { get; } = ["GPT2LMHeadModel", "GPT2Model"];
    protected override OuterNames Outer => new("wte.weight", "lm_head.weight", "h", "ln_f");

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        file.Require("add_cross_attention", false);
        if (file.Value("pruned_heads") is { } pruned && pruned.GetRawText() is not ("{}" or "[]")) throw file.Unsupported("pruned_heads", "none");
        var layers = file.Size("n_layer");
        var width = file.Size("n_embd");
        var heads = file.Size("n_head");
        if (width % heads != 0) throw file.Unsupported("n_head", $"a divisor of n_embd = {width}");
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = layers,
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = width / heads,
            MlpWidth = file.Has("n_inner") ? file.Size("n_inner") : checked(4 * width),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Size(!file.Has("n_positions") && file.Has("n_ctx") ? "n_ctx" : "n_positions"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "activation_function", "gelu_new"),
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            AttentionScale = ReadScales(file, layers, width / heads),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    private static PerLayer<float> ReadScales(ConfigFile file, int layers, int headDim)
    {
        var scale = file.Flag("scale_attn_weights", true) ? 1 / Math.Sqrt(headDim) : 1;
        return file.Flag("scale_attn_by_inverse_layer_idx", false) ? new PerLayer<float>([.. Enumerable.Range(1, layers).Select(layer => (float)(scale / layer))]) : (float)scale;
    }

    protected override MatrixSource ReadPositions(ModelConfig config, TensorTable tensors) => tensors.Matrix(tensors.Root + "wpe.weight", config.Context, config.Width);

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        // The causal mask and its fill value, which old checkpoints store as if they were weights.
        tensors.Ignore(prefix + "attn.bias");
        tensors.Ignore(prefix + "attn.masked_bias");
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "ln_1.weight", d),
            AttentionNormShift = tensors.Vector(prefix + "ln_1.bias", d),
            QueryKeyValue = tensors.Matrix(prefix + "attn.c_attn.weight", d, 3 * d),
            QueryKeyValueBias = tensors.Vector(prefix + "attn.c_attn.bias", 3 * d),
            Output = tensors.Matrix(prefix + "attn.c_proj.weight", d, d),
            OutputBias = tensors.Vector(prefix + "attn.c_proj.bias", d),
            MlpNormScale = tensors.Vector(prefix + "ln_2.weight", d),
            MlpNormShift = tensors.Vector(prefix + "ln_2.bias", d),
            Up = tensors.Matrix(prefix + "mlp.c_fc.weight", d, f),
            UpBias = tensors.Vector(prefix + "mlp.c_fc.bias", f),
            Down = tensors.Matrix(prefix + "mlp.c_proj.weight", f, d),
            DownBias = tensors.Vector(prefix + "mlp.c_proj.bias", d),
        };
    }
}
