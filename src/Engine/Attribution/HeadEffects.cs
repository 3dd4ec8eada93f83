using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>What a change of heads' contexts does to the loss to first order: (c′ − c)·∂L/∂c, row by row.</summary>
internal sealed class HeadEffects(Transformer model, Arena arena, bool measuring, Rows rows)
{
    private readonly Tensor weighed = arena.Matrix(rows.All, model.Config.QueryWidth);
    private readonly Tensor products = arena.Matrix(rows.All, model.Config.Heads);
    private readonly float[] read = measuring ? [] : new float[rows.All * model.Config.Heads];

    /// <summary>Entry row·H + i is the sum over the i-th block of <paramref name="columns"/> columns; valid until the next call.</summary>
    /// <param name="change">c′ − c [query rows × H·d_head].</param>
    /// <param name="gradient">∂L/∂c.</param>
    /// <param name="columns">d_head, or H·d_head where heads are normed together.</param>
    public float[] Of(Tensor change, Tensor gradient, int columns)
    {
        var device = model.Device;
        var weighedRows = weighed.RowRange(0, change.Rows);
        device.MultiplyElements(change, gradient, weighedRows);
        var sums = products.RowRange(0, change.Rows).ColumnRange(0, change.Columns / columns);
        device.SumHeadGroups(weighedRows, 1, columns, sums);
        device.Download(sums, read.AsSpan(0, (int)sums.Extent));
        return read;
    }
}
