using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>Reads, or overwrites, what the nodes put out, each time before it is added to the residual stream. In the last layer there is one row a sequence.</summary>
internal abstract class PassHook
{
    /// <summary>The token embeddings [rows × d], without positions.</summary>
    public virtual void Input(Tensor embeddings) { }

    /// <summary>A layer's attention outputs before W_O [query rows × H·d_head].</summary>
    public abstract void Context(int l, Tensor contexts);

    /// <summary>What a layer's attention puts out, b_O included, before the norm of it [query rows × d]; only where the model has such norms.</summary>
    public virtual void AttentionOutput(int l, Tensor output) { }

    /// <summary>A layer's MLP outputs, after the norm of them where the model has one [query rows × d].</summary>
    public abstract void Mlp(int l, Tensor outputs);
}
