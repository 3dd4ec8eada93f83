using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>The kind of normalisation of a model.</summary>
public enum NormKind
{
    /// <summary>Centred, with scale and shift.</summary>
    LayerNorm,
    /// <summary>Not centred, scale only.</summary>
    RmsNorm,
}

/// <summary>
/// The description of a decoder that the passes read: one record for every family. What differs between families is a
/// value here, never a test for a family's name in a pass.
/// </summary>
public sealed record ModelConfig
{
    /// <summary>Hugging Face model_type, for reports only.</summary>
    public required string Family { get; init; }
    /// <summary>The repository whose tokenizer the model uses, where its own files hold none but name one.</summary>
    public string? TokenizerRepository { get; init; }
    /// <summary>L, the number of layers.</summary>
    public required int Layers { get; init; }
    /// <summary>d_model, the width of the residual stream.</summary>
    public required int Width { get; init; }
    /// <summary>H, the query heads of a layer.</summary>
    public required int Heads { get; init; }
    /// <summary>Key/value heads of a layer; divides <see cref="Heads"/>.</summary>
    public required int KeyValueHeads { get; init; }
    /// <summary>d_head.</summary>
    public required int HeadDim { get; init; }
    /// <summary>Width of the MLP's hidden layer.</summary>
    public required int MlpWidth { get; init; }
    /// <summary>Number of tokens.</summary>
    public required int Vocabulary { get; init; }
    /// <summary>Longest prompt, in tokens.</summary>
    public required int Context { get; init; }
    /// <summary>Kind of norm.</summary>
    public required NormKind Norm { get; init; }
    /// <summary>True where attention and MLP read the stream through a norm.</summary>
    public bool NormsInputs { get; init; } = true;
    /// <summary>True where what attention and MLP put out goes through a norm before it joins the stream (Gemma 2, OLMo 2).</summary>
    public bool NormsOutputs { get; init; }
    /// <summary>ε inside the norm's square root.</summary>
    public required float NormEpsilon { get; init; }
    /// <summary>φ of the MLP.</summary>
    public required ActivationFunction Activation { get; init; }
    /// <summary>True where the MLP is φ(gate)⊙up, false where it is φ(up).</summary>
    public bool Gated { get; init; }
    /// <summary>Rotary embedding of every layer, null in layers that know no positions; null instead of all for learned positions and biases.</summary>
    public PerLayer<RotaryConfig?>? Rotary { get; init; }
    /// <summary>True where learned positions do not join the stream but, in every layer, what queries and keys are projected from, after the norm (shortformer).</summary>
    public bool PositionsInAttention { get; init; }
    /// <summary>Biases of the attention scores by the positions of keys, or null.</summary>
    public AlibiConfig? Alibi { get; init; }
    /// <summary>The norm of queries and keys.</summary>
    public QueryKeyNorm QueryKeyNorm { get; init; }
    /// <summary>True when the unembedding is the embedding matrix.</summary>
    public required bool TiedEmbedding { get; init; }
    /// <summary>True when the MLP of a layer reads the same stream as its heads (GPT-NeoX).</summary>
    public bool ParallelBlocks { get; init; }
    /// <summary>Factor of the token embeddings (Gemma), 1 elsewhere.</summary>
    public float EmbeddingScale { get; init; } = 1;
    /// <summary>Factor of q·k in every layer; 1/√d_head unless the family says otherwise.</summary>
    public required PerLayer<float> AttentionScale { get; init; }
    /// <summary>The attention window of every layer, null for one whose queries see all keys up to their own; null where no layer has one.</summary>
    public IReadOnlyList<int?>? Windows { get; init; }
    /// <summary>c of the attention scores: the softmax is taken of c·tanh(score/c); null: no cap.</summary>
    public float? AttentionCap { get; init; }
    /// <summary>c of the logits, likewise; null: no cap.</summary>
    public float? LogitCap { get; init; }
    /// <summary>Token that starts every text, or null.</summary>
    public int? BeginToken { get; init; }
    /// <summary>Token that ends a text, or null.</summary>
    public int? EndToken { get; init; }

    /// <summary>W: in this layer position i sees the positions i − W + 1 … i; null: all up to its own.</summary>
    public int? Window(int layer) => Windows?[layer];

    /// <summary>Tokens beyond which a prompt has other rotary angles at all its positions, or null.</summary>
    public int? LongBeyond => Rotary?.Values.Select(rotary => rotary?.Scaling?.LongBeyond).FirstOrDefault(length => length is not null);

    /// <summary>Columns of γ of the norm of queries, and of keys where <paramref name="heads"/> are as many; 0 without a norm.</summary>
    internal int NormWidth(int heads) => QueryKeyNorm switch { QueryKeyNorm.None => 0, QueryKeyNorm.Heads => HeadDim, _ => heads * HeadDim };

    /// <summary>Parts of a row of queries, or of keys of as many heads, that are normed by themselves.</summary>
    internal int NormParts(int heads) => QueryKeyNorm == QueryKeyNorm.Layer ? 1 : heads;

    /// <summary>True where attention sees the queries and keys of a layer as they are projected.</summary>
    internal bool AttendsAsProjected(int layer) => Rotary?[layer] is null && QueryKeyNorm == QueryKeyNorm.None && !PositionsInAttention;

    /// <summary>True where positions are numbers that the model has learned.</summary>
    internal bool LearnsPositions => Rotary is null && Alibi is null;

    /// <summary>Query heads that share one key/value head.</summary>
    public int Group => Heads / KeyValueHeads;
    /// <summary>Columns of all query heads.</summary>
    public int QueryWidth => Heads * HeadDim;
    /// <summary>Columns of all key heads (and of all value heads).</summary>
    public int KeyWidth => KeyValueHeads * HeadDim;
    /// <summary>Columns of the fused projection: q, then k, then v.</summary>
    public int ProjectionWidth => QueryWidth + 2 * KeyWidth;
}
