using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Models of TransformerLens that were saved under its own names, as InterpBench's are: matrices of every head apart (W_Q [H × d × d_head]), all of them
/// stored as [in × out], an unembedding of its own with a bias. Of its settings those of a GPT-2 are read: learned positions, causal attention, LayerNorm.
/// </summary>
internal sealed class TransformerLensFamily : ModelFamily
{
    /// <summary>What stands for model_type, which the configuration does not have.</summary>
    internal const string Type = "transformer_lens";

    private const string Norm = "normalization_type", FoldedNorm = "LNPre";

    internal override string ModelType => Type;
    internal override string Inner => "";
    internal override IReadOnlyList<string> Architectures { get; } = ["HookedTransformer"];
    protected override OuterNames Outer => new("embed.W_E", "unembed.W_U", "blocks", "ln_final");
    protected override string UnembeddingBias => "unembed.b_U";

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        foreach (var setting in (string[])["attn_only", "gated_mlp", "scale_attn_by_inverse_layer_idx", "use_local_attn", "post_embedding_ln", "use_normalization_before_and_after", "use_qk_norm"])
        {
            file.Require(setting, false);
        }
        RequireText(file, "positional_embedding_type", "standard");
        RequireText(file, "attention_dir", "causal");
        if ((file.Text(Norm) ?? (file.IsNull(Norm) ? null : "LN")) is not ("LN" or FoldedNorm)) throw file.Unsupported(Norm, $"LN, {FoldedNorm}");
        foreach (var cap in (string[])["attn_scores_soft_cap", "output_logits_soft_cap"])
        {
            if (!IsUnset(file, cap)) throw file.Unsupported(cap, "-1, none");
        }
        var (heads, headDim, vocabulary) = (file.Size("n_heads"), file.Size("d_head"), file.Size("d_vocab"));
        if (!IsUnset(file, "d_vocab_out") && file.Size("d_vocab_out") != vocabulary) throw file.Unsupported("d_vocab_out", $"d_vocab = {vocabulary}");
        if (file.Size("n_key_value_heads", heads) != heads) throw file.Unsupported("n_key_value_heads", $"n_heads = {heads}");
        var width = file.Size("d_model");
        var divisor = IsUnset(file, "attn_scale") ? Math.Sqrt(headDim) : file.Positive("attn_scale");
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("n_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = headDim,
            MlpWidth = file.Size("d_mlp", checked(4 * width)),
            Vocabulary = vocabulary,
            Context = file.Size("n_ctx"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("eps", 1e-5),
            Activation = ActivationNames.Read(file, "act_fn", "relu"),
            TiedEmbedding = false,
            ParallelBlocks = file.Flag("parallel_attn_mlp", false),
            AttentionScale = file.Flag("use_attn_scale", true) ? (float)(1 / divisor) : 1,
        });
    }

    // TransformerLens writes -1 where nothing was set.
    private static bool IsUnset(ConfigFile file, string key) => file.Value(key) is not { } value || value.GetRawText() is "-1";

    private static void RequireText(ConfigFile file, string key, string required)
    {
        if ((file.Text(key) ?? required) != required) throw file.Unsupported(key, required);
    }

    protected override MatrixSource ReadPositions(ModelConfig config, TensorTable tensors) => tensors.Matrix("pos_embed.W_pos", config.Context, config.Width);

    protected override (MatrixSource Embedding, MatrixSource Unembedding) ReadEmbeddings(ModelConfig config, TensorTable tensors, string root) =>
        (tensors.Matrix(Outer.Embedding, config.Vocabulary, config.Width),
         new StoredMatrix([tensors.Take(Outer.Unembedding, [config.Width, config.Vocabulary]).Permuted([1, 0], config.Vocabulary, config.Width)], storedTransposed: false));

    // Where a norm's scale and shift were folded into the matrices after it, there are none to be read.
    protected override (float[] Scale, float[]? Shift) ReadNorm(ModelConfig config, TensorTable tensors, string name)
    {
        if (tensors.Config.Text(Norm) != FoldedNorm) return (tensors.Vector(name + ".w", config.Width), tensors.Vector(name + ".b", config.Width));
        var ones = new float[config.Width];
        Array.Fill(ones, 1);
        return (ones, new float[config.Width]);
    }

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f, heads, headDim) = (config.Width, config.MlpWidth, config.Heads, config.HeadDim);
        var attention = prefix + "attn.";
        // The causal mask and its fill value.
        tensors.Ignore(attention + "mask");
        tensors.Ignore(attention + "IGNORE");
        var (attentionScale, attentionShift) = ReadNorm(config, tensors, prefix + "ln1");
        var (mlpScale, mlpShift) = ReadNorm(config, tensors, prefix + "ln2");
        return new LayerWeights
        {
            AttentionNormScale = attentionScale,
            AttentionNormShift = attentionShift,
            // [H × d × d_head] read as [H·d_head × d].
            QueryKeyValue = new StoredMatrix([.. "QKV".Select(letter => tensors.Take($"{attention}W_{letter}", [heads, d, headDim]).Permuted([0, 2, 1], heads * headDim, d))], storedTransposed: true),
            QueryKeyValueBias = [.. "QKV".SelectMany(letter => Values(tensors.Take($"{attention}b_{letter}", [heads, headDim])))],
            Output = new StoredMatrix([tensors.Take(attention + "W_O", [heads, headDim, d]).Permuted([0, 1, 2], heads * headDim, d)], storedTransposed: false),
            OutputBias = tensors.Vector(attention + "b_O", d),
            MlpNormScale = mlpScale,
            MlpNormShift = mlpShift,
            Up = tensors.Matrix(prefix + "mlp.W_in", d, f),
            UpBias = tensors.Vector(prefix + "mlp.b_in", f),
            Down = tensors.Matrix(prefix + "mlp.W_out", f, d),
            DownBias = tensors.Vector(prefix + "mlp.b_out", d),
        };
    }

    private static float[] Values(StoredTensor tensor)
    {
        var values = new float[checked((int)(tensor.Shape[0] * tensor.Shape[1]))];
        tensor.Read(0, values);
        return values;
    }
}
