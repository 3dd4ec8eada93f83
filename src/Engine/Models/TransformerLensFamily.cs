using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// Models of TransformerLens that were saved under its own names, as InterpBench's are: matrices of every head apart (W_Q [H × d × d_head]), all of them
/// stored as [in × out], an unembedding of its own with a bias. Positions are learned, and join the stream or (shortformer) queries and keys, or rotary; norms have parameters or not. In a model of attention
/// alone the graph keeps its MLPs, which put out nothing.
/// </summary>
internal sealed class TransformerLensFamily : ModelFamily
{
    /// <summary>What stands for model_type, which the configuration does not have.</summary>
    internal const string Type = "transformer_lens";

    // Of some settings the library has one name and the training runs of its toys another, which goes first.
    private const string Norm = "normalization_type", TrainedNorm = "normalization", LayerNorm = "LN", FoldedLayerNorm = "LNPre", RmsNorm = "RMS", FoldedRmsNorm = "RMSPre";
    private const string Positions = "positional_embedding_type", Learned = "standard", Rotary = "rotary", Shortformer = "shortformer", Alone = "attn_only";

    internal override string ModelType => Type;
    internal override string Inner => "";
    internal override IReadOnlyList<string> Architectures { get; } = ["HookedTransformer"];
    protected override OuterNames Outer => new("embed.W_E", "unembed.W_U", "blocks", "ln_final");
    protected override string UnembeddingBias => "unembed.b_U";

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        foreach (var setting in (string[])["gated_mlp", "final_rms", "use_NTK_by_parts_rope", "use_local_attn", "post_embedding_ln", "use_normalization_before_and_after", "use_qk_norm",
            "use_yarn_rope", "rmsnorm_uses_offset"])
        {
            file.Require(setting, false);
        }
        var positions = ReadPositionKind(file);
        foreach (var setting in (string[])["num_experts", "experts_per_token", "rotary_base_local"])
        {
            if (!IsUnset(file, setting)) throw file.Unsupported(setting, "null");
        }
        if ((file.Text("attention_dir") ?? "causal") != "causal") throw file.Unsupported("attention_dir", "causal");
        foreach (var cap in (string[])["attn_scores_soft_cap", "output_logits_soft_cap"])
        {
            if (!IsUnset(file, cap)) throw file.Unsupported(cap, "-1, none");
        }
        var (heads, headDim, vocabulary) = (file.Size("n_heads"), file.Size("d_head"), file.Size("d_vocab"));
        if (!IsUnset(file, "d_vocab_out") && file.Size("d_vocab_out") != vocabulary) throw file.Unsupported("d_vocab_out", $"d_vocab = {vocabulary}");
        if (file.Size("n_key_value_heads", heads) != heads) throw file.Unsupported("n_key_value_heads", $"n_heads = {heads}");
        var width = file.Size("d_model");
        var (layers, isAlone) = (file.Size("n_layers"), file.Flag(Alone, false));
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            TokenizerRepository = file.Text("tokenizer_name"),
            Layers = layers,
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = headDim,
            MlpWidth = isAlone ? 1 : file.Size("d_mlp", checked(4 * width)),
            Vocabulary = vocabulary,
            Context = file.Size("n_ctx"),
            Norm = NormOf(file) is LayerNorm or FoldedLayerNorm ? NormKind.LayerNorm : NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("eps", 1e-5),
            Activation = isAlone ? ActivationFunction.Relu : ActivationNames.Read(file, "act_fn", "relu"),
            Rotary = positions == Rotary ? ReadRotary(file, headDim) : null,
            PositionsInAttention = positions == Shortformer,
            TiedEmbedding = false,
            ParallelBlocks = file.Flag("parallel_attn_mlp", false),
            AttentionScale = ReadScales(file, layers, headDim),
        });
    }

    // TransformerLens writes -1 where nothing was set.
    private static bool IsUnset(ConfigFile file, string key) => file.Value(key) is not { } value || value.GetRawText() is "-1" or "-1.0";

    private static string NormOf(ConfigFile file)
    {
        var key = file.Has(TrainedNorm) || file.IsNull(TrainedNorm) ? TrainedNorm : Norm;
        return (file.Text(key) ?? (file.IsNull(key) ? null : LayerNorm)) is (LayerNorm or FoldedLayerNorm or RmsNorm or FoldedRmsNorm) and var norm ? norm
            : throw file.Unsupported(key, $"{LayerNorm}, {FoldedLayerNorm}, {RmsNorm}, {FoldedRmsNorm}");
    }

    private static string ReadPositionKind(ConfigFile file)
    {
        const string Flag = "shortformer_pos";
        var isShortformer = file.Flag(Flag, false);
        var kind = file.Text(Positions) ?? (isShortformer ? Shortformer : Learned);
        if (kind is not (Learned or Rotary or Shortformer)) throw file.Unsupported(Positions, $"{Learned}, {Rotary}, {Shortformer}");
        if (isShortformer && kind != Shortformer) throw file.Unsupported(Flag, $"false beside {Positions} = {kind}");
        return kind;
    }

    private static RotaryConfig ReadRotary(ConfigFile file, int headDim)
    {
        var turning = file.Size("rotary_dim", headDim);
        if (turning % 2 != 0 || turning > headDim) throw file.Unsupported("rotary_dim", $"an even number of the {headDim} columns of a head");
        return new RotaryConfig(file.Positive("rotary_base", 10000), turning) { Interleaved = file.Flag("rotary_adjacent_pairs", false) };
    }

    private static PerLayer<float> ReadScales(ConfigFile file, int layers, int headDim)
    {
        var divisor = !file.Flag("use_attn_scale", true) ? 1 : IsUnset(file, "attn_scale") ? Math.Sqrt(headDim) : file.Positive("attn_scale");
        return file.Flag("scale_attn_by_inverse_layer_idx", false)
            ? new PerLayer<float>([.. Enumerable.Range(1, layers).Select(layer => (float)(1 / divisor / layer))]) : (float)(1 / divisor);
    }

    protected override bool Knows(ConfigFile file) => file.Has("d_model") && file.Has("d_head") && file.Has("n_layers");

    protected override MatrixSource? ReadPositions(ModelConfig config, TensorTable tensors) => config.Rotary is not null ? null : tensors.Matrix("pos_embed.W_pos", config.Context, config.Width);

    protected override (MatrixSource Embedding, MatrixSource Unembedding) ReadEmbeddings(ModelConfig config, TensorTable tensors, string root) =>
        (tensors.Matrix(Outer.Embedding, config.Vocabulary, config.Width),
         new StoredMatrix([tensors.Take(Outer.Unembedding, [config.Width, config.Vocabulary]).Permuted([1, 0], config.Vocabulary, config.Width)], storedTransposed: false));

    // Where a norm's scale and shift were folded into the matrices after it, there are none to be read.
    protected override (float[] Scale, float[]? Shift) ReadNorm(ModelConfig config, TensorTable tensors, string name)
    {
        var norm = NormOf(tensors.Config);
        if (norm is LayerNorm or RmsNorm) return (tensors.Vector(name + ".w", config.Width), norm == LayerNorm ? tensors.Vector(name + ".b", config.Width) : null);
        var ones = new float[config.Width];
        Array.Fill(ones, 1);
        return (ones, null);
    }

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f, heads, headDim) = (config.Width, config.MlpWidth, config.Heads, config.HeadDim);
        var attention = prefix + "attn.";
        // The causal mask, its fill value, and tables that are computed.
        foreach (var name in (string[])["mask", "IGNORE", "rotary_sin", "rotary_cos"]) tensors.Ignore(attention + name);
        var (attentionScale, attentionShift) = ReadNorm(config, tensors, prefix + "ln1");
        var layer = new LayerWeights
        {
            AttentionNormScale = attentionScale,
            AttentionNormShift = attentionShift,
            // [H × d × d_head] read as [H·d_head × d].
            QueryKeyValue = new StoredMatrix([.. "QKV".Select(letter => tensors.Take($"{attention}W_{letter}", [heads, d, headDim]).Permuted([0, 2, 1], heads * headDim, d))], storedTransposed: true),
            QueryKeyValueBias = [.. "QKV".SelectMany(letter => Values(tensors.Take($"{attention}b_{letter}", [heads, headDim])))],
            Output = new StoredMatrix([tensors.Take(attention + "W_O", [heads, headDim, d]).Permuted([0, 1, 2], heads * headDim, d)], storedTransposed: false),
            OutputBias = tensors.Vector(attention + "b_O", d),
            MlpNormScale = attentionScale,
            MlpNormShift = attentionShift,
            Up = new ZeroMatrix(d, f),
            Down = new ZeroMatrix(f, d),
        };
        if (tensors.Config.Flag(Alone, false)) return layer;
        var up = tensors.Matrix(prefix + "mlp.W_in", d, f);
        var (mlpScale, mlpShift) = ReadNorm(config, tensors, prefix + "ln2");
        return layer with
        {
            MlpNormScale = mlpScale,
            MlpNormShift = mlpShift,
            Up = up,
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
