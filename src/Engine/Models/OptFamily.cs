using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>OPT: GPT-2's blocks with relu, separate q, k and v matrices stored as [out × in], and learned positions that begin in the third row of their table.</summary>
internal sealed class OptFamily : ModelFamily
{
    /// <summary>The rows before the first position's, which stand for padding.</summary>
    private const int RowsBefore = 2;

    internal override string ModelType => "opt";
    internal override string Inner => "model.decoder.";
    internal override IReadOnlyList<string> Architectures { get; } = ["OPTForCausalLM"];
    protected override OuterNames Outer => new("embed_tokens.weight", "lm_head.weight", "layers", "final_layer_norm");

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var (width, heads, headDim) = ReadHeads(file);
        // OPT-350m alone has norms after its blocks and an embedding of another width.
        file.Require("do_layer_norm_before", true);
        if (file.Size("word_embed_proj_dim", width) != width) throw file.Unsupported("word_embed_proj_dim", $"hidden_size = {width}");
        file.Require("_remove_final_layer_norm", false);
        file.Require("layer_norm_elementwise_affine", true);
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = headDim,
            MlpWidth = file.Size("ffn_dim"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Size("max_position_embeddings"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = 1e-5f, // no setting of the family
            Activation = ActivationNames.Read(file, "activation_function", "relu"),
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    protected override MatrixSource ReadPositions(ModelConfig config, TensorTable tensors) =>
        new LaterRows(tensors.Matrix(tensors.Root + "embed_positions.weight", config.Context + RowsBefore, config.Width), RowsBefore);

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        var attention = prefix + "self_attn.";
        var hasBias = tensors.Config.Flag("enable_bias", true);
        var projection = ReadProjection(config, tensors, attention, hasBias);
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "self_attn_layer_norm.weight", d),
            AttentionNormShift = tensors.Vector(prefix + "self_attn_layer_norm.bias", d),
            QueryKeyValue = projection.Matrix,
            QueryKeyValueBias = projection.Bias,
            Output = tensors.Linear(d, (attention + "out_proj.weight", d)),
            OutputBias = hasBias ? tensors.Vector(attention + "out_proj.bias", d) : null,
            MlpNormScale = tensors.Vector(prefix + "final_layer_norm.weight", d),
            MlpNormShift = tensors.Vector(prefix + "final_layer_norm.bias", d),
            Up = tensors.Linear(d, (prefix + "fc1.weight", f)),
            UpBias = hasBias ? tensors.Vector(prefix + "fc1.bias", f) : null,
            Down = tensors.Linear(f, (prefix + "fc2.weight", d)),
            DownBias = hasBias ? tensors.Vector(prefix + "fc2.bias", d) : null,
        };
    }
}
