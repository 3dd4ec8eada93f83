using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>What a change of heads' contexts does to the loss to first order: (c′ − c)·∂L/∂c, row by row.</summary>
internal sealed class HeadEffects(Transformer model, Arena arena, bool measuring, Rows rows)
{
    private readonly Tensor products = arena.Matrix(rows.All, model.Config.Heads);
    private readonly float[] read = measuring ? [] : new float[rows.All * model.Config.Heads];

    /// <summary>Entry row·H + i is the sum over the i-th block of <paramref name="columns"/> columns; valid until the next call.</summary>
    /// <param name="changed">c′ [query rows × H·d_head]; overwritten.</param>
    /// <param name="clean">c.</param>
    /// <param name="gradient">∂L/∂c.</param>
    /// <param name="columns">d_head, or H·d_head where heads are normed together.</param>
    public float[] Of(Tensor changed, Tensor clean, Tensor gradient, int columns)
    {
        var device = model.Device;
        device.AddScaled(clean, -1, changed);
        device.MultiplyElements(changed, gradient, changed);
        var sums = products.RowRange(0, changed.Rows).ColumnRange(0, changed.Columns / columns);
        device.SumHeadGroups(changed, 1, columns, sums);
        device.Download(sums, read.AsSpan(0, (int)sums.Extent));
        return read;
    }
}
