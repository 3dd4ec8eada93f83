using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The logits of every token: the one place where they are formed, so that what a model does to them holds wherever they are asked for.</summary>
internal static class AllLogits
{
    /// <summary>logits [rows × vocabulary] = y·Uᵀ. y: [rows × d], after the final norm.</summary>
    public static void Form(Transformer model, Tensor y, Tensor logits) => model.Device.Multiply(model.Unembedding, WeightSide.Transposed, y, logits);
}
