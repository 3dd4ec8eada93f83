using ILGPU;

namespace Faith.Kernels.Gpu;

// Rows by number: of a table, such as embeddings, and added back to where they were taken from.

internal struct RowOperands(Matrix x, Matrix y, ArrayView<int> numbers, float value)
{
    public Matrix X = x, Y = y;
    public ArrayView<int> Numbers = numbers;
    public float Value = value;
}

/// <summary>Sets y[i] = value·x[numbers[i]].</summary>
internal readonly struct GatherRow : IElementwise<RowOperands, float>
{
    public static int Rows(in RowOperands p) => p.Y.Rows;
    public static int Columns(in RowOperands p) => p.Y.Columns;
    public static float Load(in RowOperands p, int row, int column) => p.Value * p.X[p.Numbers[row], column];
    public static void Store(in RowOperands p, int row, int column, float value) => p.Y[row, column] = value;
}

/// <summary>Adds y[i] += value·x[numbers[i]].</summary>
internal readonly struct AddGatheredRow : IElementwise<RowOperands, float>
{
    public static int Rows(in RowOperands p) => p.Y.Rows;
    public static int Columns(in RowOperands p) => p.Y.Columns;
    public static float Load(in RowOperands p, int row, int column) => Exact.Fma(p.Value, p.X[p.Numbers[row], column], p.Y[row, column]);
    public static void Store(in RowOperands p, int row, int column, float value) => p.Y[row, column] = value;
}

/// <summary>Adds y[numbers[i]] += x[i]; the numbers are distinct.</summary>
internal readonly struct ScatterAddRow : IElementwise<RowOperands, float>
{
    public static int Rows(in RowOperands p) => p.X.Rows;
    public static int Columns(in RowOperands p) => p.X.Columns;
    public static float Load(in RowOperands p, int row, int column) => p.Y[p.Numbers[row], column] + p.X[row, column];
    public static void Store(in RowOperands p, int row, int column, float value) => p.Y[p.Numbers[row], column] = value;
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false) => GatherRows(View(table), rows, scale, y, add);

    /// <inheritdoc/>
    public override void GatherRows(Weights table, Indices rows, float scale, Tensor y, bool add = false) => GatherRows(((GpuWeights)table).Table, rows, scale, y, add);

    private void GatherRows(Matrix table, Indices rows, float scale, Tensor y, bool add)
    {
        RequireShape(y, rows.Count, table.Columns);
        var operands = new RowOperands(table, View(y), View(rows), scale);
        if (add) Elementwise<AddGatheredRow, RowOperands, float>(operands, y.Rows, y.Columns);
        else Elementwise<GatherRow, RowOperands, float>(operands, y.Rows, y.Columns);
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y)
    {
        RequireShape(x, rows.Count, y.Columns);
        Elementwise<ScatterAddRow, RowOperands, float>(new(View(x), View(y), View(rows), 1), x.Rows, x.Columns);
    }
}
