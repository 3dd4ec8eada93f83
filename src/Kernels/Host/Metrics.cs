using System.Runtime.CompilerServices;

namespace Faith.Kernels.Host;

/// <summary>Weighted tokens of every example: entries Offsets[i] … Offsets[i+1]−1 of Tokens and Weights.</summary>
internal readonly record struct AnswerWeights(RawIndices Offsets, RawIndices Tokens, RawTensor Weights);

internal sealed unsafe partial class RowKernels<V>
{
    /// <summary>
    /// Σ exp(x − largest) less 1, the term of the largest itself: where that is nearly certain, what the others are given keeps its digits. Every exp(x − largest) is
    /// kept in <paramref name="exp"/> where it is not null.
    /// </summary>
    static double SumOfOthers(float* x, float largest, int n, float* exp)
    {
        var at = new ReadOnlySpan<float>(x, n).IndexOf(largest);
        if (exp != null && at >= 0) Exp(V.Of(x[at]) - V.Of(largest)).StoreFirst(exp + at, 1);
        return SumOfExp(x, largest, at, exp) + SumOfExp(x + at + 1, largest, n - at - 1, exp == null ? null : exp + at + 1);
    }

    /// <summary>Σ exp(x − largest), in short runs whose sums are added in double precision: a vocabulary is long.</summary>
    [MethodImpl(Hot)]
    static double SumOfExp(float* x, float largest, int n, float* exp)
    {
        const int Run = 1024;
        double total = 0;
        var m = V.Of(largest);
        for (var start = 0; start < n; start += Run)
        {
            var end = Math.Min(n, start + Run);
            var sum = V.Of(0);
            var i = start;
            for (; i <= end - V.Count; i += V.Count)
            {
                var e = Exp(V.Load(x + i) - m);
                if (exp != null) e.Store(exp + i);
                sum += e;
            }
            total += sum.Sum();
            if (exp != null && i < end) Exp(V.LoadFirst(x + i, end - i, 0) - m).StoreFirst(exp + i, end - i);
            for (; i < end; i++) total += MathF.Exp(x[i] - largest);
        }
        return total;
    }
}
