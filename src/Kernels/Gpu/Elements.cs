namespace Faith.Kernels.Gpu;

// Rows and elements: fill, copy, sums, products and points between two. Each is the loop of ElementLoop.cs over what it does with one element.

internal struct ElementOperands(Matrix a, Matrix b, Matrix y, float value)
{
    public Matrix A = a, B = b, Y = y;
    public float Value = value;
}

/// <summary>An operation that sets one matrix.</summary>
internal interface IElement
{
    static abstract float Of(in ElementOperands p, int row, int column);
}

internal readonly struct Each<T> : IElementwise<ElementOperands, float> where T : struct, IElement
{
    public static int Rows(in ElementOperands p) => p.Y.Rows;
    public static int Columns(in ElementOperands p) => p.Y.Columns;
    public static float Load(in ElementOperands p, int row, int column) => T.Of(p, row, column);
    public static void Store(in ElementOperands p, int row, int column, float value) => p.Y[row, column] = value;
}

/// <summary>Sets y = value.</summary>
internal readonly struct FillElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => p.Value;
}

/// <summary>Sets y = a.</summary>
internal readonly struct CopyElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => p.A[row, column];
}

/// <summary>Adds y += value·a.</summary>
internal readonly struct AddScaledElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => Exact.Fma(p.Value, p.A[row, column], p.Y[row, column]);
}

/// <summary>Sets y = value·y.</summary>
internal readonly struct ScaleElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => p.Value * p.Y[row, column];
}

/// <summary>Sets y = a − b. y may be a or b.</summary>
internal readonly struct SubtractElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => p.A[row, column] - p.B[row, column];
}

/// <summary>Sets y = a⊙b. y may be a or b.</summary>
internal readonly struct MultiplyElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column) => p.A[row, column] * p.B[row, column];
}

/// <summary>Sets y = a + value·(b − a), exactly a at value 0 and exactly b at value 1.</summary>
internal readonly struct InterpolateElement : IElement
{
    public static float Of(in ElementOperands p, int row, int column)
    {
        float a = p.A[row, column], b = p.B[row, column];
        return p.Value == 0f ? a : p.Value == 1f ? b : Exact.Fma(p.Value, b - a, a);
    }
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void Fill(Tensor x, float value) => Elements<FillElement>(default, default, x, value);

    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y) => Elements<CopyElement>(x, default, y);

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float scale, Tensor y) => Elements<AddScaledElement>(x, default, y, scale);

    /// <inheritdoc/>
    public override void Scale(Tensor x, float factor) => Elements<ScaleElement>(default, default, x, factor);

    /// <inheritdoc/>
    public override void Subtract(Tensor a, Tensor b, Tensor y) => Elements<SubtractElement>(a, b, y);

    /// <inheritdoc/>
    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y) => Elements<InterpolateElement>(corrupted, clean, y, alpha);

    /// <inheritdoc/>
    public override void MultiplyElements(Tensor a, Tensor b, Tensor y) => Elements<MultiplyElement>(a, b, y);

    private void Elements<T>(Tensor a, Tensor b, Tensor y, float value = 0) where T : struct, IElement
    {
        foreach (var operand in (ReadOnlySpan<Tensor>)[a, b])
            if (!operand.IsNone) RequireShape(operand, y.Rows, y.Columns);
        Flatten(ref a, ref b, ref y);
        Elementwise<Each<T>, ElementOperands, float>(new(View(a), View(b), View(y), value), y.Rows, y.Columns);
    }

    // Dense operands are one long row: no block is left half empty by a narrow matrix.
    private static void Flatten(ref Tensor a, ref Tensor b, ref Tensor y)
    {
        if (IsDense(a) && IsDense(b) && y.IsDense && y.Count <= int.MaxValue)
        {
            var count = (int)y.Count;
            Tensor Flat(Tensor x) => x.IsNone ? x : x with { Rows = Math.Min(x.Rows, 1), Columns = count, Stride = count };
            (a, b, y) = (Flat(a), Flat(b), Flat(y));
        }

        static bool IsDense(Tensor x) => x.IsNone || x.IsDense;
    }

    private void Elementwise<T, P, V>(in P operands, int rows, int columns) where T : struct, IElementwise<P, V> where P : struct where V : struct =>
        Launch(ElementLoop.Of<T, P, V>.Kernel, operands, CeilDiv(columns, ElementLoop.ColumnsOfBlock), Math.Min(rows, LargestGridY));
}
