namespace Faith.Kernels.Host;

/// <summary>
/// The row-wise operations on a range of rows, on one thread: <see cref="HostDevice"/> splits the rows, an instance of
/// <see cref="RowKernels{V}"/> does them with registers of one width. The contracts are those of the operations of
/// the same name in <see cref="Device"/>; rows (or other items) [from, to) are done.
/// </summary>
internal abstract unsafe class RowKernels
{
    public abstract void Fill(Tensor x, float value, int from, int to);
    public abstract void AddScaled(Tensor x, float scale, Tensor y, int from, int to);
    public abstract void Subtract(Tensor a, Tensor b, Tensor y, int from, int to);
    public abstract void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y, int from, int to);
    public abstract void MultiplyElements(Tensor a, Tensor b, Tensor y, int from, int to);
    public abstract void GatherRows(Tensor table, Indices rows, float scale, Tensor y, int from, int to);
    public abstract void AddGatheredRows(Tensor table, Indices rows, Tensor y, int from, int to);
    public abstract void ScatterAddRows(Tensor x, Indices rows, Tensor y, int from, int to);
    public abstract void SumHeadGroups(Tensor x, int headDim, int group, Tensor y, int from, int to);
    /// <summary>x = one row of input <paramref name="input"/>; see <see cref="Device.MixInputs"/>.</summary>
    public abstract void MixRow(in MixOperands o, int input, int row, float* x);

    public abstract void NormForward(in NormOperands o, int from, int to);
    public abstract void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx, int from, int to);

    public abstract void GeluForward(Tensor u, Tensor y, Tensor derivative, int from, int to);
    public abstract void GeluRatioForward(Tensor u, Tensor y, Tensor ratio, int from, int to);
    public abstract void SwiGluForward(Tensor gate, Tensor up, Tensor y, int from, int to);
    public abstract void SwiGluBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp, int from, int to);
    public abstract void SwiGluRatioBackward(Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp, int from, int to);
    public abstract void Rotary(in RotaryOperands o, int from, int to);

    /// <summary>Floats of scratch memory for one head of one sequence.</summary>
    public abstract long AttentionScratch(int headDim, int keys, bool backward);
    public abstract void AttentionForward(in AttentionOperands o, int sequence, int head, float* scratch);
    public abstract void AttentionBackward(in AttentionOperands o, int sequence, int head, float* scratch);
    public abstract void AttentionValuesBackward(in AttentionOperands o, int sequence, int head, float* scratch);

    /// <summary>y[row] += scale·factors[row]·x[row].</summary>
    public abstract void AddScaledRows(Tensor x, Tensor factors, float scale, Tensor y, int from, int to);
    public abstract void AccumulateSplitGradient(in SplitGradientOperands o, int from, int to);

    /// <summary>x −= mean of its row.</summary>
    public abstract void Centre(Tensor x);
    /// <summary>y += x.</summary>
    public abstract void Add(float* x, float* y, int n);
    /// <summary>
    /// Finishes columns of G in place: g_v[r] = γ⊙g_v[r] − Σ_k x̂_k[row]·s_kv[row], row = firstRow + r. Rows of g_v follow each other
    /// <paramref name="width"/> apart, filled up with zeros; step k's rows stand <paramref name="stepRows"/> after those of the step before.
    /// </summary>
    public abstract void FinishGradients(VectorSet g, int width, Tensor scale, Tensor normalized, Tensor products, int firstRow, int rows, int stepRows, int steps);
    /// <summary>result[u, v] = z_u·g_v for all vectors of both sets; <paramref name="depth"/> is a multiple of 16.</summary>
    public abstract void MultiplyVectors(VectorSet z, VectorSet g, int depth, float* result, int stride);
    /// <summary>result[u] = z_u·g; <paramref name="depth"/> is a multiple of 16.</summary>
    public abstract void MultiplyVector(VectorSet z, float* g, int depth, float* result, int stride);

    public abstract void SparseLogits(in SparseLogitsOperands o, int from, int to);
    public abstract void SoftmaxMetric(Tensor logits, in AnswerWeights answers, Tensor value, Tensor dLogits, int from, int to);
    public abstract void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits, int from, int to);
}

/// <summary>Typed addresses of views.</summary>
internal static unsafe class TensorAddresses
{
    /// <summary>Address of a row.</summary>
    public static float* Row(this Tensor tensor, int row) => (float*)tensor.Pointer + (long)row * tensor.Stride;

    /// <summary>Address of the first element.</summary>
    public static int* First(this Indices indices) => (int*)indices.Pointer;

    /// <summary>True when rows follow each other without gaps.</summary>
    public static bool IsDense(this Tensor tensor) => tensor.Stride == tensor.Columns;
}
