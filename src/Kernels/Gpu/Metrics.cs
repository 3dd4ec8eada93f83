using ILGPU;

namespace Faith.Kernels.Gpu;

// What the metric heads share: one block a row (an example).

internal struct MetricOperands(Matrix x, Matrix reference, Matrix weights, Matrix value, Matrix gradient, ArrayView<int> offsets, ArrayView<int> tokens, bool jensenShannon)
{
    /// <summary>Logits, and those that they are compared with.</summary>
    public Matrix X = x, Reference = reference;
    public Matrix Weights = weights, Value = value, Gradient = gradient;
    public ArrayView<int> Offsets = offsets, Tokens = tokens;
    public int JensenShannon = jensenShannon ? 1 : 0;
}

/// <summary>
/// log Σ e^x = maximum + log(sum), kept apart so that differences of logits are taken before anything large is added. Others is the sum less
/// 1, the term of the maximum: where that is nearly certain, what the others are given keeps its digits.
/// </summary>
internal struct LogSum
{
    public const int Threads = 1024;

    public float Largest, Total, Others;

    public static LogSum Of(ArrayView<float> x, int count, ArrayView<float> slots)
    {
        int t = Group.IdxX, threads = Group.DimX;
        float largest = float.NegativeInfinity, sum = 0, ties = 0;
        for (var i = t; i < count; i += threads) largest = Math.Max(largest, x[i]);
        largest = Reduce.OverBlock<Largest>(largest, slots);
        for (var i = t; i < count; i += threads)
        {
            var v = x[i];
            ties += v == largest ? 1f : 0f;
            sum += v == largest ? 0f : Functions.Exp(v - largest);
        }
        sum = Reduce.OverBlock<Sum>(sum, slots);
        ties = Reduce.OverBlock<Sum>(ties, slots);
        return new() { Largest = largest, Total = ties + sum, Others = ties - 1f + sum };
    }
}

public sealed partial class GpuDevice
{
    // There are few rows, one an example, so a row gets as many threads as a block can have.
    private int VocabularyThreads(int columns) => Math.Clamp((columns / 8 + 31) / 32 * 32, 32, mostThreads);
}
