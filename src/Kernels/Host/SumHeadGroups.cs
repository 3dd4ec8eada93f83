namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y)
    {
        RequireRows(y.Rows, x.Rows);
        RequireColumns(x.Columns, group * y.Columns);
        Rows(y.Rows, x.Columns, (x, headDim, group, y), static (k, in o, from, to) => k.SumHeadGroups(o.x, o.headDim, o.group, o.y, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void SumHeadGroups(RawTensor x, int headDim, int group, RawTensor y, int from, int to)
    {
        var groups = y.Columns / headDim;
        for (var r = from; r < to; r++)
            for (var g = 0; g < groups; g++)
            {
                float* first = x.Row(r) + (long)g * group * headDim, sum = y.Row(r) + (long)g * headDim;
                if (headDim == 1)
                {
                    *sum = Sum(first, group);
                    continue;
                }
                new Span<float>(first, headDim).CopyTo(new Span<float>(sum, headDim));
                for (var h = 1; h < group; h++) Map(new AddMap(), sum, first + (long)h * headDim, sum, headDim);
            }
    }
}
