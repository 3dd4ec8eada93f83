using ILGPU;

namespace Faith.Kernels.Gpu;

// Rows by number: of a table, such as embeddings, and added back to where they were taken from.

internal struct GatherOperands<W>(Table<W> table, Matrix y, ArrayView<int> numbers, float value) where W : unmanaged
{
    public Table<W> Table = table;
    public Matrix Y = y;
    public ArrayView<int> Numbers = numbers;
    public float Value = value;
}

/// <summary>Sets y[i] = value·table[numbers[i]].</summary>
internal readonly struct GatherRow<TNumber, W> : IElementwise<GatherOperands<W>, float> where TNumber : struct, INumber<W> where W : unmanaged
{
    public static int Rows(in GatherOperands<W> p) => p.Y.Rows;
    public static int Columns(in GatherOperands<W> p) => p.Y.Columns;
    public static float Load(in GatherOperands<W> p, int row, int column) => p.Value * p.Table.At<TNumber>(p.Numbers[row], column);
    public static void Store(in GatherOperands<W> p, int row, int column, float value) => p.Y[row, column] = value;
}

/// <summary>Adds y[i] += value·table[numbers[i]].</summary>
internal readonly struct AddGatheredRow<TNumber, W> : IElementwise<GatherOperands<W>, float> where TNumber : struct, INumber<W> where W : unmanaged
{
    public static int Rows(in GatherOperands<W> p) => p.Y.Rows;
    public static int Columns(in GatherOperands<W> p) => p.Y.Columns;
    public static float Load(in GatherOperands<W> p, int row, int column) => Exact.Fma(p.Value, p.Table.At<TNumber>(p.Numbers[row], column), p.Y[row, column]);
    public static void Store(in GatherOperands<W> p, int row, int column, float value) => p.Y[row, column] = value;
}

internal struct ScatterOperands(Matrix x, Matrix y, ArrayView<int> numbers)
{
    public Matrix X = x, Y = y;
    public ArrayView<int> Numbers = numbers;
}

/// <summary>Adds y[numbers[i]] += x[i]; the numbers are distinct.</summary>
internal readonly struct ScatterAddRow : IElementwise<ScatterOperands, float>
{
    public static int Rows(in ScatterOperands p) => p.X.Rows;
    public static int Columns(in ScatterOperands p) => p.X.Columns;
    public static float Load(in ScatterOperands p, int row, int column) => p.Y[p.Numbers[row], column] + p.X[row, column];
    public static void Store(in ScatterOperands p, int row, int column, float value) => p.Y[p.Numbers[row], column] = value;
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false) =>
        GatherRows<Single32, float>(new(Floats(table.Buffer!).SubView(table.Offset, table.Extent), table.Stride), table.Columns, rows, scale, y, add);

    /// <inheritdoc/>
    public override void GatherRows(Weights table, Indices rows, float scale, Tensor y, bool add = false)
    {
        var w = (GpuWeights)table;
        if (w.Precision == WeightPrecision.Float32) GatherRows<Single32, float>(w.TableOfSingles, w.Outputs, rows, scale, y, add);
        else if (w.Precision == WeightPrecision.BFloat16) GatherRows<Brain16, ushort>(w.TableOfHalves, w.Outputs, rows, scale, y, add);
        else GatherRows<Half16, ushort>(w.TableOfHalves, w.Outputs, rows, scale, y, add);
    }

    private void GatherRows<TNumber, W>(in Table<W> table, int columns, Indices rows, float scale, Tensor y, bool add) where TNumber : struct, INumber<W> where W : unmanaged
    {
        RequireShape(y, rows.Count, columns);
        var operands = new GatherOperands<W>(table, View(y), View(rows), scale);
        if (add) Elementwise<AddGatheredRow<TNumber, W>, GatherOperands<W>, float>(operands, y.Rows, y.Columns);
        else Elementwise<GatherRow<TNumber, W>, GatherOperands<W>, float>(operands, y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y)
    {
        RequireShape(x, rows.Count, y.Columns);
        Elementwise<ScatterAddRow, ScatterOperands, float>(new(View(x), View(y), View(rows)), x.Rows, x.Columns);
    }
}
