namespace Faith.Kernels.Gpu;

// Activations and their gradients, for the kernels of their own and for what follows a product.

/// <summary>A nonlinear function φ as kernels compute it.</summary>
internal static class Activations
{
    /// <summary>
    /// gelu(u) = u·σ(2w), w = √(2/π)·(u + 0.044715·u³), which is ½u(1 + tanh w) without its cancellation, and its derivative
    /// σ(2w) + 2u·σ(2w)·σ(−2w)·w′ or gelu(u)/u = σ(2w).
    /// </summary>
    public static Pair Gelu(float u, bool ratio)
    {
        var square = u * u;
        var s = Functions.Sigmoid(1.59576912f * u * Exact.Fma(0.044715f, square, 1f), out var complement);
        var slope = 1.59576912f * Exact.Fma(0.134145f, square, 1f);
        // For |u| past 1e18 the square overflows, but σ(1 − σ) is 0 long before.
        var bend = complement < 1e-30f || s < 1e-30f ? 0f : u * s * complement * slope;
        return new(u * s, ratio ? s : s + bend);
    }

    /// <summary>silu(g)·u.</summary>
    public static float GatedSilu(float g, float u) => g * Functions.Sigmoid(g, out _) * u;

    /// <summary>The gradients dy⊙u⊙silu′(g) and dy⊙silu(g) at gate and up; by ratio half of dy⊙u⊙silu(g)/g and of dy⊙silu(g), silu(g)/g = σ(g).</summary>
    public static Pair GatedSiluGradient(float g, float u, float dy, bool ratio)
    {
        var s = Functions.Sigmoid(g, out var complement);
        var half = .5f * dy * s;
        return ratio ? new(half * u, half * g) : new(dy * u * s * Exact.Fma(g, complement, 1f), dy * g * s);
    }
}

/// <summary>Sets y = φ(a) and, unless b is none, b = φ's slope, the ratio where value is not 0. y may be a.</summary>
internal readonly struct GeluElement : IElementwise<ElementOperands, Pair>
{
    public static int Rows(in ElementOperands p) => p.Y.Rows;
    public static int Columns(in ElementOperands p) => p.Y.Columns;
    public static Pair Load(in ElementOperands p, int row, int column) => Activations.Gelu(p.A[row, column], p.Value != 0f);
    public static void Store(in ElementOperands p, int row, int column, Pair value)
    {
        p.Y[row, column] = value.First;
        if (!p.B.IsNone) p.B[row, column] = value.Second;
    }
}

/// <summary>Sets y = silu(g)⊙u for a = [g | u].</summary>
internal readonly struct GatedElement : IElementwise<ElementOperands, float>
{
    public static int Rows(in ElementOperands p) => p.Y.Rows;
    public static int Columns(in ElementOperands p) => p.Y.Columns;
    public static float Load(in ElementOperands p, int row, int column) => Activations.GatedSilu(p.A[row, column], p.A[row, p.Y.Columns + column]);
    public static void Store(in ElementOperands p, int row, int column, float value) => p.Y[row, column] = value;
}

/// <summary>Sets y to the gradients at a = [g | u] for b = dy, by ratio where value is not 0. y may be a.</summary>
internal readonly struct GateBackwardElement : IElementwise<ElementOperands, Pair>
{
    public static int Rows(in ElementOperands p) => p.B.Rows;
    public static int Columns(in ElementOperands p) => p.B.Columns;
    public static Pair Load(in ElementOperands p, int row, int column) =>
        Activations.GatedSiluGradient(p.A[row, column], p.A[row, p.B.Columns + column], p.B[row, column], p.Value != 0f);
    public static void Store(in ElementOperands p, int row, int column, Pair value)
    {
        p.Y[row, column] = value.First;
        p.Y[row, p.B.Columns + column] = value.Second;
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Activate(Activation activation, Tensor u, Tensor y, Tensor slope)
    {
        Require(activation);
        if (activation.Gated)
        {
            RequireShape(u, y.Rows, 2 * y.Columns);
            Elementwise<GatedElement, ElementOperands, float>(new(View(u), default, View(y), 0), y.Rows, y.Columns);
            return;
        }
        RequireShape(u, y.Rows, y.Columns);
        if (!slope.IsNone) RequireShape(slope, y.Rows, y.Columns);
        ElementwiseFlat<GeluElement, Pair>(u, slope, y, Ratio(activation));
    }

    /// <inheritdoc/>
    public override void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        Require(activation);
        RequireShape(gateUp, dy.Rows, 2 * dy.Columns);
        RequireShape(dGateUp, dy.Rows, 2 * dy.Columns);
        Elementwise<GateBackwardElement, ElementOperands, Pair>(new(View(gateUp), View(dy), View(dGateUp), Ratio(activation)), dy.Rows, dy.Columns);
    }

    private static float Ratio(Activation activation) => activation.Slope == ActivationSlope.Ratio ? 1 : 0;

    private static void Require(Activation activation)
    {
        if (activation.Gated != (activation.Function == ActivationFunction.Silu))
            throw new NotSupportedException($"{activation}: the GPU kernels know GELU without a gate and SiLU with one");
    }
}
