using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Phi (1, 1.5 and 2): rotary positions on a share of every head, biases everywhere, of the logits too. Heads and MLP of a layer read the same stream
/// through the same norm; where the file asks for it ("qk_layernorm") every head's queries and keys are normed.
/// </summary>
internal sealed class PhiFamily : ModelFamily
{
    internal override string ModelType => "phi";
    internal override string Inner => "model.";
    internal override IReadOnlyList<string> Architectures { get; } = ["PhiForCausalLM"];
    protected override OuterNames Outer => new("embed_tokens.weight", "lm_head.weight", "layers", "final_layernorm");
    protected override string UnembeddingBias => "lm_head.bias";

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var (width, heads, headDim) = ReadHeads(file);
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = ReadKeyValueHeads(file, heads, heads),
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_eps", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "gelu_new"),
            Rotary = RotarySettings.ReadPartial(file, headDim, "rope_theta", "partial_rotary_factor", 0.5),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            ParallelBlocks = true,
            QueryKeyNorm = file.Flag("qk_layernorm", false) ? QueryKeyNorm.Heads : QueryKeyNorm.None,
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        string attention = prefix + "self_attn.", mlp = prefix + "mlp.";
        var projection = ReadProjection(config, tensors, attention, hasBias: true);
        var (scale, shift) = ReadNorm(config, tensors, prefix + "input_layernorm");
        (float[]? Scale, float[]? Shift) HeadNorm(string name) => config.QueryKeyNorm == QueryKeyNorm.None ? default
            : (tensors.Vector(attention + name + ".weight", config.HeadDim), tensors.Vector(attention + name + ".bias", config.HeadDim));
        var (queryNorm, keyNorm) = (HeadNorm("q_layernorm"), HeadNorm("k_layernorm"));
        return new LayerWeights
        {
            AttentionNormScale = scale,
            AttentionNormShift = shift,
            QueryKeyValue = projection.Matrix,
            QueryKeyValueBias = projection.Bias,
            QueryNormScale = queryNorm.Scale,
            QueryNormShift = queryNorm.Shift,
            KeyNormScale = keyNorm.Scale,
            KeyNormShift = keyNorm.Shift,
            Output = tensors.Linear(d, (attention + "dense.weight", d)),
            OutputBias = tensors.Vector(attention + "dense.bias", d),
            MlpNormScale = scale,
            MlpNormShift = shift,
            Up = tensors.Linear(d, (mlp + "fc1.weight", f)),
            UpBias = tensors.Vector(mlp + "fc1.bias", f),
            Down = tensors.Linear(f, (mlp + "fc2.weight", d)),
            DownBias = tensors.Vector(mlp + "fc2.bias", d),
        };
    }
}
