using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits)
    {
        RequireRows(offsets.Count, logits.Rows + 1);
        Rows(logits.Rows, logits.Columns, (logits, answers: new AnswerWeights(offsets, tokens, weights), value, dLogits),
            static (k, in o, from, to) => k.SoftmaxMetric(o.logits, o.answers, o.value, o.dLogits, from, to));
    }
}

internal sealed unsafe partial class RowKernels<V>
{
    [MethodImpl(Hot)]
    public override void SoftmaxMetric(RawTensor logits, in AnswerWeights answers, RawTensor value, RawTensor dLogits, int from, int to)
    {
        var n = logits.Columns;
        for (var r = from; r < to; r++)
        {
            var x = logits.Row(r);
            var d = dLogits.IsNone ? null : dLogits.Row(r);
            var largest = Largest(x, n);
            var sum = 1 + SumOfOthers(x, largest, n, d);
            int first = answers.Offsets.First()[r], end = answers.Offsets.First()[r + 1];
            var tokens = answers.Tokens.First();
            var weights = (float*)answers.Weights.Pointer;
            double P(int token) => Math.Exp(x[token] - largest) / sum;
            double metric = 0;
            for (var j = first; j < end; j++) metric += weights[j] * P(tokens[j]);
            *value.Row(r) = (float)metric;
            if (d == null) continue;
            // ∂(−value)/∂logit_t = p_t·(value − w_t)
            Map(new ScaleMap((float)(metric / sum)), d, d, d, n);
            // In double precision, since value − w cancels where the answer is nearly certain. Entries may name a token twice.
            for (var j = first; j < end; j++)
            {
                double weight = 0;
                for (var other = first; other < end; other++)
                    if (tokens[other] == tokens[j]) weight += weights[other];
                d[tokens[j]] = (float)(P(tokens[j]) * (metric - weight));
            }
        }
    }
}
