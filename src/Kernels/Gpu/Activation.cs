namespace Faith.Kernels.Gpu;

// Activations and their gradients, for the kernels of their own and for what follows a product.

/// <summary>A nonlinear function φ as kernels compute it, by the number of its <see cref="ActivationFunction"/>.</summary>
internal static class Activations
{
    /// <summary>φ(u), and φ′(u) or, by ratio, φ(u)/u, which is ½ at 0, of relu 0.</summary>
    public static Pair Of(int function, float u, bool ratio)
    {
        if (function == (int)ActivationFunction.GeluTanh) return GeluTanh(u, ratio);
        if (function == (int)ActivationFunction.GeluErf) return GeluErf(u, ratio);
        if (function == (int)ActivationFunction.Relu) return Relu(u);
        return Silu(u, ratio);
    }

    /// <summary>
    /// gelu(u) = u·σ(2w), w = √(2/π)·(u + 0.044715·u³), which is ½u(1 + tanh w) without its cancellation, and its derivative
    /// σ(2w) + 2u·σ(2w)·σ(−2w)·w′ or gelu(u)/u = σ(2w).
    /// </summary>
    private static Pair GeluTanh(float u, bool ratio)
    {
        var square = u * u;
        var s = Functions.Sigmoid(1.59576912f * u * Exact.Fma(0.044715f, square, 1f), out var complement);
        var slope = 1.59576912f * Exact.Fma(0.134145f, square, 1f);
        // For |u| past 1e18 the square overflows, but σ(1 − σ) is 0 long before.
        var bend = complement < 1e-30f || s < 1e-30f ? 0f : u * s * complement * slope;
        return new(u * s, ratio ? s : s + bend);
    }

    // gelu(u) = u·Φ(u), its derivative Φ(u) + u·e^(−u²/2)/√(2π).
    private static Pair GeluErf(float u, bool ratio)
    {
        var share = Functions.Normal(u, out var density);
        // For |u| past 1e18 the square overflows, but the density is 0 long before.
        return new(u * share, ratio || density == 0f ? share : Exact.Fma(u, 0.398942280f * density, share));
    }

    // Written so that NaN stays NaN.
    private static Pair Relu(float u) => u < 0f ? new(0f, 0f) : new(u, u > 0f ? 1f : 0f);

    private static Pair Silu(float u, bool ratio)
    {
        var s = Functions.Sigmoid(u, out var complement);
        return new(u * s, ratio ? s : s * Exact.Fma(u, complement, 1f));
    }

    /// <summary>The gradients dy⊙u⊙φ′(g), or by ratio dy⊙u⊙φ(g)/g, and dy⊙φ(g) at gate and up.</summary>
    public static Pair GateGradient(int function, float g, float u, float dy, bool ratio)
    {
        var at = Of(function, g, ratio);
        return new(dy * u * at.Second, dy * at.First);
    }
}

internal struct ActivationOperands(Matrix a, Matrix b, Matrix y, Activation activation)
{
    public Matrix A = a, B = b, Y = y;
    public int Function = (int)activation.Function, Ratio = activation.Slope == ActivationSlope.Ratio ? 1 : 0;
}

/// <summary>Sets y = φ(a) and, unless b is none, b = φ's slope. y may be a.</summary>
internal readonly struct ActivateElement : IElementwise<ActivationOperands, Pair>
{
    public static int Rows(in ActivationOperands p) => p.Y.Rows;
    public static int Columns(in ActivationOperands p) => p.Y.Columns;
    public static Pair Load(in ActivationOperands p, int row, int column) => Activations.Of(p.Function, p.A[row, column], p.Ratio != 0);
    public static void Store(in ActivationOperands p, int row, int column, Pair value)
    {
        p.Y[row, column] = value.First;
        if (!p.B.IsNone) p.B[row, column] = value.Second;
    }
}

/// <summary>Sets y = φ(g)⊙u for a = [g | u].</summary>
internal readonly struct GateElement : IElementwise<ActivationOperands, float>
{
    public static int Rows(in ActivationOperands p) => p.Y.Rows;
    public static int Columns(in ActivationOperands p) => p.Y.Columns;
    public static float Load(in ActivationOperands p, int row, int column) => Activations.Of(p.Function, p.A[row, column], false).First * p.A[row, p.Y.Columns + column];
    public static void Store(in ActivationOperands p, int row, int column, float value) => p.Y[row, column] = value;
}

/// <summary>Sets y to the gradients at a = [g | u] for b = dy. y may be a.</summary>
internal readonly struct GateBackwardElement : IElementwise<ActivationOperands, Pair>
{
    public static int Rows(in ActivationOperands p) => p.B.Rows;
    public static int Columns(in ActivationOperands p) => p.B.Columns;
    public static Pair Load(in ActivationOperands p, int row, int column) =>
        Activations.GateGradient(p.Function, p.A[row, column], p.A[row, p.B.Columns + column], p.B[row, column], p.Ratio != 0);
    public static void Store(in ActivationOperands p, int row, int column, Pair value)
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
        if (activation.Gated)
        {
            RequireShape(u, y.Rows, 2 * y.Columns);
            Elementwise<GateElement, ActivationOperands, float>(new(View(u), default, View(y), activation), y.Rows, y.Columns);
            return;
        }
        RequireShape(u, y.Rows, y.Columns);
        if (!slope.IsNone) RequireShape(slope, y.Rows, y.Columns);
        Flatten(ref u, ref slope, ref y);
        Elementwise<ActivateElement, ActivationOperands, Pair>(new(View(u), View(slope), View(y), activation), y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp)
    {
        RequireShape(gateUp, dy.Rows, 2 * dy.Columns);
        RequireShape(dGateUp, dy.Rows, 2 * dy.Columns);
        Elementwise<GateBackwardElement, ActivationOperands, Pair>(new(View(gateUp), View(dy), View(dGateUp), activation), dy.Rows, dy.Columns);
    }
}
