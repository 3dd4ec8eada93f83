namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.SparseLogits"/>.</summary>
internal readonly record struct SparseLogitsOperands(RawTensor Y, RawTensor Unembedding, AnswerWeights Answers, RawTensor Value, RawTensor Dy);

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, Tensor unembedding, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        RequireColumns(unembedding.Columns, y.Columns);
        RequireRows(offsets.Count, y.Rows + 1);
        Rows(y.Rows, y.Columns, new SparseLogitsOperands(y, unembedding, new(offsets, tokens, weights), value, dy),
            static (k, in o, from, to) => k.SparseLogits(o, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void SparseLogits(in SparseLogitsOperands o, int from, int to)
    {
        var d = o.Y.Columns;
        for (var r = from; r < to; r++)
        {
            double value = 0;
            if (!o.Dy.IsNone) new Span<float>(o.Dy.Row(r), d).Clear();
            for (var j = o.Answers.Offsets.First()[r]; j < o.Answers.Offsets.First()[r + 1]; j++)
            {
                var token = o.Unembedding.Row(o.Answers.Tokens.First()[j]);
                var weight = ((float*)o.Answers.Weights.Pointer)[j];
                value += (double)weight * Dot(o.Y.Row(r), token, d);
                if (!o.Dy.IsNone) Map(new AddScaledMap(-weight), token, o.Dy.Row(r), o.Dy.Row(r), d);
            }
            *o.Value.Row(r) = (float)value;
        }
    }
}
