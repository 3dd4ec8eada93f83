using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The logits of every token: the one place where they are formed, so that what a model does to them holds wherever they are asked for.</summary>
internal static class AllLogits
{
    /// <summary>logits [rows × vocabulary] = y·Uᵀ + b, with a cap c·tanh(·/c) of it. y: [rows × d], after the final norm.</summary>
    public static void Form(Transformer model, Tensor y, Tensor logits)
    {
        model.Device.Multiply(model.Head.Unembedding, WeightSide.Transposed, y, logits, model.Head.Bias);
        if (model.Head.Cap != 0) model.Device.SoftCap(logits, model.Head.Cap, logits);
    }

    /// <summary>dy = the gradient at y of one at <paramref name="logits"/>, which with a cap becomes the one before it.</summary>
    public static void Backward(Transformer model, Tensor logits, Tensor gradient, Tensor dy)
    {
        if (model.Head.Cap != 0) model.Device.SoftCapBackward(logits, model.Head.Cap, gradient, gradient);
        model.Device.Multiply(model.Head.Unembedding, WeightSide.Forward, gradient, dy);
    }
}
