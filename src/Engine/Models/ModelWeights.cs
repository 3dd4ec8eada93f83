using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// A model's parameters in one canonical form, whatever names and layouts its checkpoint used. Matrices are read on demand
/// (see <see cref="MatrixSource"/>), so that a large checkpoint is never held twice.
/// </summary>
public sealed class ModelWeights : IDisposable
{
    private readonly ShardedCheckpoint? files;

    /// <summary>Parameters made in memory.</summary>
    public ModelWeights() { }

    /// <summary>Parameters, and the open files that they are read from.</summary>
    internal ModelWeights(ShardedCheckpoint files) => this.files = files;

    /// <summary>What the parameters mean.</summary>
    public required ModelConfig Config { get; init; }
    /// <summary>Token embeddings: stored as [vocabulary × d] (Inputs = vocabulary, Outputs = d, not transposed).</summary>
    public required MatrixSource Embedding { get; init; }
    /// <summary>Learned positions [context × d], or null.</summary>
    public MatrixSource? Positions { get; init; }
    /// <summary>The layers, first to last.</summary>
    public required IReadOnlyList<LayerWeights> Layers { get; init; }
    /// <summary>γ of the final norm [d].</summary>
    public required float[] FinalNormScale { get; init; }
    /// <summary>β of the final norm [d], or null.</summary>
    public float[]? FinalNormShift { get; init; }
    /// <summary>Unembedding, laid out like <see cref="Embedding"/> ([vocabulary × d]); the same object when tied.</summary>
    public required MatrixSource Unembedding { get; init; }
    /// <summary>What is added to the logits [vocabulary], or null.</summary>
    public float[]? UnembeddingBias { get; init; }
    /// <summary>SHA-256 of the model's files (names, sizes and contents of config and weights), lower-case hex; empty for models made in memory.</summary>
    public string Hash { get; init; } = "";

    /// <summary>Fails when a file was written to since <see cref="Hash"/> was taken of it: whoever has read parameters asks before they are used.</summary>
    /// <exception cref="InputException">One was; the message names it.</exception>
    public void RequireUnchanged() => files?.RequireUnchanged();

    /// <summary>Closes the files.</summary>
    public void Dispose() => files?.Dispose();
}

/// <summary>The parameters of one layer. A missing bias is null.</summary>
public sealed record LayerWeights
{
    /// <summary>γ of the norm before attention [d]; null: there is no norm.</summary>
    public float[]? AttentionNormScale { get; init; }
    /// <summary>β of the norm before attention [d].</summary>
    public float[]? AttentionNormShift { get; init; }
    /// <summary>Fused projection [d × (H + 2·Hkv)·d_head]: all query heads, then all key heads, then all value heads.</summary>
    public required MatrixSource QueryKeyValue { get; init; }
    /// <summary>Its bias.</summary>
    public float[]? QueryKeyValueBias { get; init; }
    /// <summary>γ of the norm of queries [d_head], or [H·d_head] where heads have their own or are normed together; null: there is no norm.</summary>
    public float[]? QueryNormScale { get; init; }
    /// <summary>β of the norm of every head's queries [d_head], or null.</summary>
    public float[]? QueryNormShift { get; init; }
    /// <summary>γ of the norm of keys [d_head], or [Hkv·d_head]; null: there is no norm.</summary>
    public float[]? KeyNormScale { get; init; }
    /// <summary>β of the norm of every head's keys [d_head], or null.</summary>
    public float[]? KeyNormShift { get; init; }
    /// <summary>W_O [H·d_head × d].</summary>
    public required MatrixSource Output { get; init; }
    /// <summary>b_O [d].</summary>
    public float[]? OutputBias { get; init; }
    /// <summary>γ of the norm of what attention puts out [d]; null: there is no norm.</summary>
    public float[]? AttentionOutputNormScale { get; init; }
    /// <summary>γ of the norm before the MLP [d]; null: there is no norm.</summary>
    public float[]? MlpNormScale { get; init; }
    /// <summary>β of the norm before the MLP [d].</summary>
    public float[]? MlpNormShift { get; init; }
    /// <summary>First MLP matrix: [d × f]; for SwiGLU [d × 2f], gate then up.</summary>
    public required MatrixSource Up { get; init; }
    /// <summary>Its bias.</summary>
    public float[]? UpBias { get; init; }
    /// <summary>Second MLP matrix [f × d].</summary>
    public required MatrixSource Down { get; init; }
    /// <summary>Its bias [d].</summary>
    public float[]? DownBias { get; init; }
    /// <summary>γ of the norm of what the MLP puts out [d]; null: there is no norm.</summary>
    public float[]? MlpOutputNormScale { get; init; }
}
