namespace Faith.Kernels;

/// <summary>
/// The operands of the one contraction after all steps (method.md §3, consequence 2). For every destination column v of a
/// layer it forms, tile by tile, G_v = P(γ⊙(W_v·α_v)) − Σ_k x̂_k·s_{v,k} for the heads' q, k and v columns, takes the accumulated
/// gradient itself for the MLP column and for logits, and adds Σ_rows Δz_u·G_v for every earlier source node u.
/// P (the centring of LayerNorm) may be applied to Δz instead of G, since x̂ and the MLP gradients are already centred.
/// </summary>
public sealed class ScoreContraction
{
    /// <summary>Row offsets of the examples in every packed matrix below.</summary>
    public required Ragged Layout { get; init; }
    /// <summary>Layers of the model.</summary>
    public required int Layers { get; init; }
    /// <summary>Query heads of a layer.</summary>
    public required int Heads { get; init; }
    /// <summary>Columns of one head.</summary>
    public required int HeadDim { get; init; }
    /// <summary>Query heads that share one key/value head.</summary>
    public required int Group { get; init; }
    /// <summary>True for LayerNorm.</summary>
    public required bool Centred { get; init; }
    /// <summary>True when attention and MLP of a layer read the same stream, so that no head of a layer feeds its MLP.</summary>
    public required bool Parallel { get; init; }
    /// <summary>True where of a layer's heads the v columns alone have a gradient: α of q and k is then not read, and their scores are left alone.</summary>
    public bool ValuesAlone { get; init; }
    /// <summary>Columns of a layer's heads that have a gradient: the last of its 3·heads.</summary>
    public int HeadColumns => ValuesAlone ? Heads : 3 * Heads;
    /// <summary>Δ of the input node: z(corrupted) − z(clean), [rows × d].</summary>
    public required Tensor InputDifference { get; init; }
    /// <summary>Per layer: Δ of the attention context before W_O, [rows × heads·headDim]; head h's Δz is its slice times its rows of W_O, through <see cref="OutputNorms"/>.</summary>
    public required Tensor[] ContextDifference { get; init; }
    /// <summary>Per layer: the norm between W_O and the stream, to first order about the run that differences start from; empty where a model has none.</summary>
    public OutputNorm[] OutputNorms { get; init; } = [];
    /// <summary>That of a layer, or none.</summary>
    public OutputNorm OutputNorm(int layer) => OutputNorms.Length == 0 ? default : OutputNorms[layer];
    /// <summary>Per layer: Δ of the MLP output, [rows × d].</summary>
    public required Tensor[] MlpDifference { get; init; }
    /// <summary>Per layer: W_O [heads·headDim × d].</summary>
    public required Weights[] Output { get; init; }
    /// <summary>Per layer: the fused projection [d × (heads + 2·heads/group)·headDim], columns q then k then v.</summary>
    public required Weights[] QueryKeyValue { get; init; }
    /// <summary>Per layer: γ of the norm before attention, [1 × d].</summary>
    public required Tensor[] NormScale { get; init; }
    /// <summary>Per layer: α of q, k, v side by side, [rows × 3·heads·headDim].</summary>
    public required Tensor[] Alpha { get; init; }
    /// <summary>Per layer: the x̂_k of the steps, <see cref="Steps"/> matrices [rows × d] one after another: [Steps·rows × d].</summary>
    public required Tensor[] NormalizedInputs { get; init; }
    /// <summary>Per layer: the s_k of the steps, [Steps·rows × 3·heads], columns q then k then v.</summary>
    public required Tensor[] StepProducts { get; init; }
    /// <summary>Steps held in <see cref="NormalizedInputs"/>.</summary>
    public required int Steps { get; set; }
    /// <summary>
    /// True where of the last layer only each sequence's last row has a gradient of the MLP's input and of queries (α and s are zero in other
    /// rows), and the layer's outputs are read nowhere else.
    /// </summary>
    public required bool ReducesLastLayer { get; init; }
    /// <summary>Sources that the heads of a layer read; for the number of layers, those that logits read: all.</summary>
    public int SourcesBefore(int layer) => 1 + (layer * (Heads + 1));
    /// <summary>Columns of all layers and of logits.</summary>
    public int Columns => (Layers * ((3 * Heads) + 1)) + 1;
    /// <summary>True for a layer, or the logits that follow the last one, of which only last rows count; see <see cref="ReducesLastLayer"/>.</summary>
    public bool IsReduced(int layer) => layer == Layers || (ReducesLastLayer && layer == Layers - 1);
    /// <summary>Per layer: accumulated gradient at the MLP's input, [rows × d], or [sequences × d] where the layer is reduced.</summary>
    public required Tensor[] MlpGradient { get; init; }
    /// <summary>Accumulated gradient at the input of the final norm, [sequences × d]: only each sequence's last row has one.</summary>
    public required Tensor LogitsGradient { get; init; }
    /// <summary>Scores of each example, [sequences × F·N]: entry u·N + column (+=). Entries of pairs that are no edge are left alone.</summary>
    public required Tensor Scores { get; init; }

    /// <summary>The same contraction with other views and weights in the place of its own, and another layout if one is given.</summary>
    internal ScoreContraction Mapped(Func<Tensor, Tensor> view, Func<Weights, Weights> weights, Ragged? layout = null) => new()
    {
        Layout = layout ?? Layout,
        Layers = Layers,
        Heads = Heads,
        HeadDim = HeadDim,
        Group = Group,
        Centred = Centred,
        Parallel = Parallel,
        ValuesAlone = ValuesAlone,
        ReducesLastLayer = ReducesLastLayer,
        InputDifference = view(InputDifference),
        ContextDifference = [.. ContextDifference.Select(view)],
        OutputNorms = [.. OutputNorms.Select(norm => norm with { Scale = view(norm.Scale), XHat = view(norm.XHat), InverseSigma = view(norm.InverseSigma) })],
        MlpDifference = [.. MlpDifference.Select(view)],
        Output = [.. Output.Select(weights)],
        QueryKeyValue = [.. QueryKeyValue.Select(weights)],
        NormScale = [.. NormScale.Select(view)],
        Alpha = [.. Alpha.Select(view)],
        NormalizedInputs = [.. NormalizedInputs.Select(view)],
        StepProducts = [.. StepProducts.Select(view)],
        Steps = Steps,
        MlpGradient = [.. MlpGradient.Select(view)],
        LogitsGradient = view(LogitsGradient),
        Scores = view(Scores),
    };
}
