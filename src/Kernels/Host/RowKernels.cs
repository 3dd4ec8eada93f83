namespace Faith.Kernels.Host;

/// <summary>
/// The row-wise operations on a range of rows, on one thread: <see cref="HostDevice"/> splits the rows, an instance of
/// <see cref="RowKernels{V}"/> does them with registers of one width. The contracts are those of the operations of
/// the same name in <see cref="Device"/>; rows (or other items) [from, to) are done.
/// </summary>
internal abstract unsafe class RowKernels
{
    public abstract void Fill(RawTensor x, float value, int from, int to);
    public abstract void Copy(RawTensor x, RawTensor y, int from, int to);
    public abstract void AddScaled(RawTensor x, float scale, RawTensor y, int from, int to);
    public abstract void Scale(RawTensor x, float factor, int from, int to);
    public abstract void Subtract(RawTensor a, RawTensor b, RawTensor y, int from, int to);
    public abstract void Interpolate(RawTensor corrupted, RawTensor clean, float alpha, RawTensor y, int from, int to);
    public abstract void MultiplyElements(RawTensor a, RawTensor b, RawTensor y, int from, int to);
    public abstract void GatherRows(RawTensor table, RawIndices rows, float scale, RawTensor y, bool add, int from, int to);
    public abstract void GatherRow(float* x, float scale, float* y, int count, bool add);
    public abstract void ScatterAddRows(RawTensor x, RawIndices rows, RawTensor y, int from, int to);
    public abstract void SumHeadGroups(RawTensor x, int headDim, int group, RawTensor y, int from, int to);
    /// <summary>x = one row of input <paramref name="input"/>; see <see cref="NormedMix"/>.</summary>
    public abstract void MixRow(in MixOperands o, int input, int row, float* x);

    public abstract void NormForward(in NormOperands o, int from, int to);
    public abstract void NormBackward(RawTensor dy, RawTensor scale, RawTensor xhat, RawTensor inverseSigma, bool centred, bool add, RawTensor dx, int from, int to);
    public abstract void NormDifferential(RawTensor dx, RawTensor scale, RawTensor xhat, RawTensor inverseSigma, bool centred, RawTensor y, int from, int to);

    public abstract void Activate(Activation activation, RawTensor u, RawTensor y, RawTensor slope, int from, int to);
    public abstract void Gate(Activation activation, RawTensor gate, RawTensor up, RawTensor y, int from, int to);
    public abstract void GateBackward(Activation activation, RawTensor gate, RawTensor up, RawTensor dy, RawTensor dGate, RawTensor dUp, int from, int to);
    public abstract void Rotary(in RotaryOperands o, int from, int to);

    /// <summary>Floats of scratch memory for heads of one sequence.</summary>
    public abstract long AttentionScratch(int headDim, int keys, bool backward);
    public abstract void AttentionForward(in AttentionOperands o, int sequence, int head, int heads, float* scratch);
    public abstract void AttentionBackward(in AttentionOperands o, int sequence, int head, int heads, float* scratch);
    public abstract void AttentionValuesBackward(in AttentionOperands o, int sequence, int head, int heads, float* scratch);

    /// <summary>y[row] += scale·factors[row]·x[row].</summary>
    public abstract void AddScaledRows(RawTensor x, RawTensor factors, float scale, RawTensor y, int from, int to);
    public abstract void AccumulateSplitGradient(in SplitGradientOperands o, int from, int to);

    /// <summary>x −= mean of its row.</summary>
    public abstract void Centre(RawTensor x);
    /// <summary>y += x.</summary>
    public abstract void Add(float* x, float* y, int n);
    /// <summary>
    /// Finishes columns of G in place: g_v[r] = γ⊙g_v[r] − Σ_k x̂_k[row]·s_kv[row], row = firstRow + r. Rows of g_v follow each other
    /// <paramref name="width"/> apart, filled up with zeros; step k's rows stand <paramref name="stepRows"/> after those of the step before.
    /// </summary>
    public abstract void FinishGradients(VectorSet g, int width, RawTensor scale, RawTensor normalized, RawTensor products, int firstRow, int rows, int stepRows, int steps);
    /// <summary>result[u, v] = z_u·g_v for all vectors of both sets; <paramref name="depth"/> is a multiple of 16.</summary>
    public abstract void MultiplyVectors(VectorSet z, VectorSet g, int depth, float* result, int stride);
    /// <summary>result[u] = z_u·g; <paramref name="depth"/> is a multiple of 16.</summary>
    public abstract void MultiplyVector(VectorSet z, float* g, int depth, float* result, int stride);

    public abstract void SoftCap(RawTensor x, float cap, RawTensor y, int from, int to);
    public abstract void SoftCapBackward(RawTensor y, float cap, RawTensor dy, RawTensor dx, int from, int to);
    public abstract void SparseLogits(in SparseLogitsOperands o, float* memory, int from, int to);
    public abstract void SoftmaxMetric(RawTensor logits, in AnswerWeights answers, RawTensor value, RawTensor dLogits, int from, int to);
    /// <param name="exponentials">Room for two rows.</param>
    public abstract void DivergenceMetric(RawTensor logits, RawTensor reference, bool jensenShannon, RawTensor value, RawTensor dLogits, float* exponentials, int from, int to);
}
