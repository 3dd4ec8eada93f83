namespace Faith.Kernels.Gpu;

internal struct GroupOperands(Matrix x, Matrix y, int headDim, int group)
{
    public Matrix X = x, Y = y;
    public int HeadDim = headDim, Group = group;
}

/// <summary>Sets y[row, g] = Σ of the group's consecutive heads of x, added in order: the gradient of heads that share keys or values.</summary>
internal readonly struct SumOfGroup : IElementwise<GroupOperands, float>
{
    public static int Rows(in GroupOperands p) => p.Y.Rows;
    public static int Columns(in GroupOperands p) => p.Y.Columns;
    public static float Load(in GroupOperands p, int row, int column)
    {
        var first = column / p.HeadDim * p.Group * p.HeadDim + column % p.HeadDim;
        var sum = 0f;
        for (var h = 0; h < p.Group; h++) sum += p.X[row, first + h * p.HeadDim];
        return sum;
    }
    public static void Store(in GroupOperands p, int row, int column, float value) => p.Y[row, column] = value;
}

public sealed partial class GpuDevice
{
    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y)
    {
        RequireShape(x, y.Rows, y.Columns * group);
        Elementwise<SumOfGroup, GroupOperands, float>(new(View(x), View(y), headDim, group), y.Rows, y.Columns);
    }
}
