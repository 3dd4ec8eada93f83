using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Reads, or overwrites, gradients as a backward pass comes by them. Rows are those of the pass; of a layer's outputs and MLP those
/// that the layer goes on with (<see cref="Rows.Of"/>).
/// </summary>
internal abstract class GradientHook
{
    /// <summary>True where the pass must go back to the embeddings; else it ends at the first layer's projection.</summary>
    public virtual bool WantsInput => false;

    /// <summary>At the input of the final norm [sequences × d].</summary>
    public virtual void Logits(Tensor gradient) { }

    /// <summary>At what a stage (<see cref="Graphs.ModelGraph"/>) puts out [query rows × d]: the same for all of its nodes.</summary>
    public virtual void Output(int stage, Tensor gradient) { }

    /// <summary>Where the gradients at gate and up of an MLP go: over these themselves, unless a hook copies them elsewhere to keep them.</summary>
    public virtual Tensor Gate(Tensor gate) => gate;

    /// <summary>At the stream that a layer's MLP reads [query rows × d].</summary>
    public virtual void MlpInput(int l, Tensor gradient) { }

    /// <summary>At what a layer's attention puts out, before the norm of it [query rows × d]; only where the model has such norms.</summary>
    public virtual void AttentionOutput(int l, Tensor gradient) { }

    /// <summary>At a layer's contexts, before W_O [query rows × H·d_head].</summary>
    public virtual void Context(int l, Tensor gradient) { }

    /// <summary>At a layer's queries, keys and values as projected.</summary>
    public virtual void Projection(int l, LayerActivations a, in SplitGradients gradients) { }
}
