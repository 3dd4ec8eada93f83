namespace Faith.Kernels.Gpu;

// Soft caps c·tanh(x/c): of the scores within attention, of logits as operations of their own.

/// <summary>What a cap, or a bias, does with scores, and with gradients at them. Attention is compiled with either and with neither.</summary>
internal interface ICap
{
    /// <summary>What is added to the name of a kernel.</summary>
    static abstract string Name { get; }
    /// <summary>True where keys have biases.</summary>
    static abstract bool HasBias { get; }
    static abstract float Of(float score, float cap, float bias);
    /// <summary>The gradient at a score of one at what <see cref="Of"/> makes of it.</summary>
    static abstract float Backward(float gradient, float score, float cap);
}

/// <summary>No cap.</summary>
internal readonly struct NoCap : ICap
{
    public static string Name => "";
    public static bool HasBias => false;
    public static float Of(float score, float cap, float bias) => score;
    public static float Backward(float gradient, float score, float cap) => gradient;
}

/// <summary>c·tanh(score/c).</summary>
internal readonly struct TanhCap : ICap
{
    public static string Name => "Capped";
    public static bool HasBias => false;
    public static float Of(float score, float cap, float bias) => Of(score, cap);
    public static float Of(float score, float cap) => cap * Functions.Tanh(score / cap, out _);

    // What has no gradient keeps none, whatever its score.
    public static float Backward(float gradient, float score, float cap)
    {
        _ = Functions.Tanh(score / cap, out var slope);
        return gradient == 0f ? 0f : gradient * slope;
    }
}

/// <summary>score + bias.</summary>
internal readonly struct KeyBias : ICap
{
    public static string Name => "Biased";
    public static bool HasBias => true;
    public static float Of(float score, float cap, float bias) => score + bias;
    public static float Backward(float gradient, float score, float cap) => gradient;
}

/// <summary>Sets y = value·tanh(a/value). y may be a.</summary>
internal readonly struct SoftCapElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => TanhCap.Of(p.A[row, column], p.Value);
}

/// <summary>Sets y = b⊙(1 − (a/value)²). y may be b.</summary>
internal readonly struct SoftCapBackwardElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column)
    {
        var t = p.A[row, column] / p.Value;
        return p.B[row, column] * ((1f - t) * (1f + t));
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void SoftCap(Tensor x, float cap, Tensor y) => Elements<SoftCapElement>(x, default, y, cap);

    /// <inheritdoc/>
    public override void SoftCapBackward(Tensor y, float cap, Tensor dy, Tensor dx) => Elements<SoftCapBackwardElement>(y, dy, dx, cap);
}
