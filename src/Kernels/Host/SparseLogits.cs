namespace Faith.Kernels.Host;

/// <summary>Operands of <see cref="Device.SparseLogits"/>.</summary>
internal readonly record struct SparseLogitsOperands(RawTensor Y, PackedMatrix Unembedding, RawTensor Bias, float Cap, AnswerWeights Answers, RawTensor Value, RawTensor Dy);

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, LogitHead head, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        RequireColumns(head.Unembedding.Outputs, y.Columns);
        if (!head.Bias.IsNone) RequireColumns(head.Bias.Columns, head.Unembedding.Inputs);
        RequireRows(offsets.Count, y.Rows + 1);
        var operands = new SparseLogitsOperands(y, ((HostWeights)head.Unembedding).Matrix, head.Bias, head.Cap, new(offsets, tokens, weights), value, dy);
        pool.For(y.Rows, Math.Max(1, ElementsOfChunk / Math.Max(1, y.Columns)), (device: this, operands), static (in (HostDevice device, SparseLogitsOperands operands) job, int from, int to, int thread) =>
            job.device.kernels.SparseLogits(job.operands, job.device.scratch.Reserve(thread, UnpackedPanel.RowFloats(job.operands.Unembedding)), from, to));
        GC.KeepAlive(head.Unembedding);
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    public override void SparseLogits(in SparseLogitsOperands o, float* token, int from, int to)
    {
        var d = o.Y.Columns;
        for (var r = from; r < to; r++)
        {
            double value = 0;
            if (!o.Dy.IsNone) new Span<float>(o.Dy.Row(r), d).Clear();
            for (var j = o.Answers.Offsets.First()[r]; j < o.Answers.Offsets.First()[r + 1]; j++)
            {
                var id = o.Answers.Tokens.First()[j];
                UnpackedPanel.Row(o.Unembedding, id, token);
                float weight = ((float*)o.Answers.Weights.Pointer)[j], logit = Dot(o.Y.Row(r), token, d), slope = 1;
                if (!o.Bias.IsNone) logit += o.Bias.Row(0)[id];
                if (o.Cap != 0) logit = Capped(logit, o.Cap, out slope);
                value += (double)weight * logit;
                if (!o.Dy.IsNone) Map(new AddScaledMap(-weight * slope), token, o.Dy.Row(r), o.Dy.Row(r), d);
            }
            *o.Value.Row(r) = (float)value;
        }
    }

    /// <summary>cap·tanh(x/cap), and its derivative.</summary>
    static float Capped(float x, float cap, out float slope)
    {
        var y = V.Of(cap) * Tanh(V.Of(x / cap), out var slopes);
        slope = slopes.Largest();
        return y.Largest();
    }
}
