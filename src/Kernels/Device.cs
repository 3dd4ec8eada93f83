using System.Runtime.InteropServices;

namespace Faith.Kernels;

/// <summary>
/// The operations that the passes are written in. Every operation states which outputs it sets (=) and which it adds to (+=).
/// Matrices are row-major float32; unless said otherwise operands do not overlap. Results have the same bits for any number
/// of threads, and a row's result never depends on which other rows are in the matrix.
/// </summary>
public abstract class Device : IDisposable
{
    /// <summary>Short name for reports, e.g. "cpu (AVX-512, 2 threads)".</summary>
    public abstract string Name { get; }

    /// <summary>How it multiplies matrices.</summary>
    public virtual Products Products => Products.Exact;

    /// <summary>Bytes that can still be allocated, as far as the device can tell.</summary>
    public abstract long FreeMemory { get; }

    /// <summary>What suits the device and what it cannot do; may be changed between runs.</summary>
    public DeviceLimits Limits { get; set; } = new();

    /// <summary>Floating-point operations issued in matrix products so far (2 per multiply-add), for the counting tests and reports.</summary>
    public long MatrixFlops { get; protected set; }

    // ---- memory ----

    /// <summary>Allocates zeroed memory.</summary>
    /// <exception cref="DeviceMemoryException">Not enough memory.</exception>
    public abstract DeviceBuffer Allocate(long bytes);

    /// <summary>Copies host memory to a buffer, from byte <paramref name="offset"/> on.</summary>
    public abstract void Upload(ReadOnlySpan<byte> source, DeviceBuffer destination, long offset);

    /// <summary>Copies a buffer to the host, from byte <paramref name="offset"/> on, after everything issued before.</summary>
    public abstract void Download(DeviceBuffer source, long offset, Span<byte> destination);

    /// <summary>Copies numbers to a matrix, from its first element on.</summary>
    public void Upload(ReadOnlySpan<float> source, Tensor destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(source.Length, destination.Extent);
        if (source.Length > 0) Upload(MemoryMarshal.AsBytes(source), destination.Buffer!, sizeof(float) * destination.Offset);
    }

    /// <summary>Copies integers to memory for at least as many, and returns the view of them.</summary>
    public Indices Upload(ReadOnlySpan<int> source, Indices destination)
    {
        var filled = destination.Range(0, source.Length);
        if (source.Length > 0) Upload(MemoryMarshal.AsBytes(source), destination.Buffer!, sizeof(int) * destination.Offset);
        return filled;
    }

    /// <summary>Copies the elements of a matrix to the host, from its first one on and with what lies between its rows.</summary>
    public void Download(Tensor source, Span<float> destination)
    {
        ArgumentOutOfRangeException.ThrowIfGreaterThan(destination.Length, source.Extent);
        if (destination.Length > 0) Download(source.Buffer!, sizeof(float) * source.Offset, MemoryMarshal.AsBytes(destination));
    }

    /// <summary>Waits until everything issued so far is done.</summary>
    public abstract void Synchronize();

    // ---- order and time ----

    /// <summary>Marks this place in the order of operations, to be timed later. Does not wait.</summary>
    public virtual DeviceMark Mark() => new ClockMark();

    /// <summary>Packs a weight matrix, for products with W and with Wᵀ.</summary>
    public abstract Weights CreateWeights(MatrixSource source);

    /// <summary>The same of a matrix whose rows are read by their numbers as well, such as embeddings. It must not be stored transposed.</summary>
    public virtual Weights CreateTable(MatrixSource source) => CreateWeights(source);

    // ---- rows and elements ----

    /// <summary>x = value.</summary>
    public abstract void Fill(Tensor x, float value);

    /// <summary>y = x.</summary>
    public abstract void Copy(Tensor x, Tensor y);

    /// <summary>y += scale·x.</summary>
    public abstract void AddScaled(Tensor x, float scale, Tensor y);

    /// <summary>x = factor·x.</summary>
    public abstract void Scale(Tensor x, float factor);

    /// <summary>y = a − b; y may be a or b.</summary>
    public abstract void Subtract(Tensor a, Tensor b, Tensor y);

    /// <summary>y = corrupted + alpha·(clean − corrupted). alpha = 0 gives <paramref name="corrupted"/> and alpha = 1 gives <paramref name="clean"/>, bit for bit.</summary>
    public abstract void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y);

    /// <summary>y = a⊙b; y may be a or b.</summary>
    public abstract void MultiplyElements(Tensor a, Tensor b, Tensor y);

    /// <summary>y[i] (= or, with <paramref name="add"/>, +=) scale·table[rows[i]].</summary>
    public abstract void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false);

    /// <summary>The same of rows of W, which <see cref="CreateTable"/> made.</summary>
    public abstract void GatherRows(Weights table, Indices rows, float scale, Tensor y, bool add = false);

    /// <summary>y[rows[i]] += x[i]; the rows are distinct.</summary>
    public abstract void ScatterAddRows(Tensor x, Indices rows, Tensor y);

    // ---- norms ----

    /// <summary>
    /// x̂ = (x − μ)/σ, y = γ⊙x̂ + β with σ = √(mean((x − μ)²) + ε); for RMSNorm (<paramref name="centred"/> false) μ = 0.
    /// Sets y, xhat and inverseSigma (=); <paramref name="xhat"/> and <paramref name="inverseSigma"/> may be none, y may be x itself.
    /// </summary>
    /// <param name="x">[rows × n·d]: each of the n parts of a row is normed by itself.</param>
    /// <param name="scale">γ [1 × d], that of all parts.</param>
    /// <param name="shift">β [1 × d], or none for zero.</param>
    /// <param name="epsilon">ε.</param>
    /// <param name="centred">Whether μ is the mean.</param>
    /// <param name="y">Like x.</param>
    /// <param name="xhat">x̂, like x.</param>
    /// <param name="inverseSigma">1/σ [rows × n].</param>
    public abstract void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat, Tensor inverseSigma);

    /// <summary>
    /// dx (= or, with <paramref name="add"/>, +=) (h − mean(h)·[centred] − x̂·mean(h⊙x̂))/σ, h = γ⊙dy. Where <paramref name="xhat"/> is none, σ counts as
    /// constant: dx (= or +=) (h − mean(h)·[centred])/σ. dx may be dy itself.
    /// </summary>
    /// <param name="dy">[rows × m·d]: of each of n parts of a row m/n gradients in turn, each of a copy of the part's output.</param>
    /// <param name="scale">γ [1 × d].</param>
    /// <param name="xhat">[rows × n·d], or none.</param>
    /// <param name="inverseSigma">[rows × n].</param>
    /// <param name="centred">As in <see cref="NormForward"/>.</param>
    /// <param name="add">Adds to dx.</param>
    /// <param name="dx">Like dy.</param>
    public abstract void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx);

    /// <summary>
    /// How y of <see cref="NormForward"/> changes with a small change dx of its x: y = γ⊙(dx − mean(dx)·[centred] − x̂·mean(x̂⊙dx))/σ (=); where
    /// <paramref name="xhat"/> is none, σ counts as constant: y = γ⊙(dx − mean(dx)·[centred])/σ. dx may hold several changes of the rows of x, one
    /// matrix after another: row r is a change of row r mod <paramref name="inverseSigma"/>.Rows. y may be dx itself.
    /// </summary>
    public abstract void NormDifferential(Tensor dx, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, Tensor y);

    // ---- matrix products ----

    /// <summary>
    /// Forward: y (= or +=) x·W[k0 … k0+x.Columns, n0 … n0+y.Columns] + bias and what follows it, element by element, while the product is
    /// at hand; Transposed: the same with Wᵀ in place of W.
    /// </summary>
    /// <param name="weights">W.</param>
    /// <param name="side">W or Wᵀ.</param>
    /// <param name="x">[rows × k].</param>
    /// <param name="y">[rows × n].</param>
    /// <param name="bias">[1 × n], already cut to the columns of y, or none.</param>
    /// <param name="add">Adds to y instead of setting it.</param>
    /// <param name="k0">First row of W (or Wᵀ) used.</param>
    /// <param name="n0">First column of W (or Wᵀ) used.</param>
    /// <param name="then">What follows.</param>
    public abstract void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0, int n0 = 0, Epilogue then = default);

    /// <summary>What follows a product as an operation of its own, for products that cannot do it by the way.</summary>
    protected void Follow(Tensor y, in Epilogue then)
    {
        if (then.Kind == EpilogueKind.None) return;
        if (then.IsGate) Activate(then.Activation, y, then.Operand, default);
        else if (then.IsGateBackward) GateBackward(then.Activation, then.Operand, y, then.Operand);
        else if (then.Kind == EpilogueKind.Activate) Activate(then.Activation, y, y, then.Operand);
        else MultiplyElements(y, then.Operand, y);
    }

    // ---- activations ----

    /// <summary>
    /// y = φ(u), slope = φ′(u) or φ(u)/u; y may be u itself, slope may be none. Gated: u = [g | u′] [rows × 2f], y [rows × f] = φ(g)⊙u′, and
    /// slope is not read.
    /// </summary>
    public abstract void Activate(Activation activation, Tensor u, Tensor y, Tensor slope);

    /// <summary>
    /// The gradient at [g | u] of one at φ(g)⊙u: dGateUp = [dy⊙u⊙φ′(g) | dy⊙φ(g)], by ratio φ(g)/g for φ′(g). dGateUp may be gateUp itself.
    /// Without a gate the gradient is <see cref="MultiplyElements"/> with the slope.
    /// </summary>
    public abstract void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp);

    // ---- rotary embedding ----

    /// <summary>
    /// For every head of x [rows × heads·headDim] at position p = positions[row]: the pairs i &lt; r/2 of columns, (i, i + r/2) or
    /// <paramref name="interleaved"/> (2i, 2i + 1), turn by the angle whose cosine and sine stand at cosines[p, i], sines[p, i] ([positions × r/2], and
    /// any length: (a, b) becomes (a·cos − b·sin, b·cos + a·sin)); columns from r on are copied. With <paramref name="inverse"/> by the opposite angle
    /// (the gradient of the rotation). y = result; y may be x itself.
    /// </summary>
    public abstract void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool interleaved, bool inverse, Tensor y);

    // ---- attention ----

    /// <summary>Copies a layout's offsets into <paramref name="memory"/> for <see cref="Ragged.Integers"/> integers and sets <see cref="Ragged.OnDevice"/>.</summary>
    public void Prepare(Ragged layout, Indices memory)
    {
        ArgumentNullException.ThrowIfNull(layout);
        var used = 0;
        Indices Next(int[] values)
        {
            used += values.Length;
            return Upload(values, memory.Range(used - values.Length, values.Length));
        }
        layout.OnDevice = new(Next(layout.Offsets), Next(layout.QueryOffsets), Next(layout.PrefixOffsets), Next(layout.PrefixLengths),
            Next(layout.TileOffsets), Next(layout.SequenceTiles), Next(layout.Packs));
    }

    /// <summary>
    /// Causal softmax attention of each sequence's queries over the prefix and suffix keys in their window:
    /// context = softmax(scale·q·kᵀ)·v, normalizers[row, 2h] = the largest of scale·q·k and normalizers[row, 2h + 1] = 1/Σ exp(scale·q·k − largest),
    /// by which the gradients form the probabilities again. Sets context and normalizers (=).
    /// </summary>
    /// <param name="layout">Offsets of the sequences.</param>
    /// <param name="shape">Heads, groups, width, window, cap.</param>
    /// <param name="q">[layout.QueryRows × heads·headDim].</param>
    /// <param name="k">[layout.Rows × (heads/suffixGroup)·headDim]: query head h reads key head h / suffixGroup.</param>
    /// <param name="v">Like k.</param>
    /// <param name="prefixK">[prefix rows × (heads/prefixGroup)·headDim], or none when no sequence has a prefix.</param>
    /// <param name="prefixV">Like prefixK.</param>
    /// <param name="context">[layout.QueryRows × heads·headDim].</param>
    /// <param name="normalizers">[layout.QueryRows × 2·heads].</param>
    public abstract void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers);

    /// <summary>
    /// Gradients of <see cref="AttentionForward"/>: sets dq [QueryRows × heads·headDim], dk and dv [Rows × heads·headDim], one
    /// block a <b>query</b> head also when key heads are shared (=). Prefix keys and values get no gradient. Where dq and dk are none the
    /// probabilities count as constant, and neither values nor contexts are read: they may be none too.
    /// </summary>
    public abstract void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv);

    /// <summary>y[row, g] = Σ of the <paramref name="group"/> consecutive heads of x [rows × heads·headDim] that share key head g; y [rows × (heads/group)·headDim].</summary>
    public abstract void SumHeadGroups(Tensor x, int headDim, int group, Tensor y);

    // ---- attribution ----

    /// <summary>
    /// The split inputs of one of q, k, v for one step (method.md §3): for every head h with g = gradient[row, h·headDim …],
    /// alpha += weight·g/σ and s[row, h] = weight·((c_h − b′_h)·g)/(d·σ), where c is the projection before rotation and b′ its value at x̂ = 0;
    /// query head h reads projection head h / group.
    /// </summary>
    /// <param name="gradient">[rows × heads·headDim].</param>
    /// <param name="projection">c: [rows × (heads/group)·headDim]; not read where s is none.</param>
    /// <param name="projectionAtZero">b′ = Wᵀβ + b: [1 × (heads/group)·headDim], or none for zero.</param>
    /// <param name="inverseSigma">1/σ [rows × 1].</param>
    /// <param name="width">d, the width of the residual stream.</param>
    /// <param name="headDim">Columns of a head.</param>
    /// <param name="group">Query heads that share one projection head.</param>
    /// <param name="weight">Weight of this step in the integration rule.</param>
    /// <param name="alpha">[rows × heads·headDim] (+=).</param>
    /// <param name="s">[rows × heads] (=), or none where σ counts as constant and alpha is all that is wanted.</param>
    public abstract void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s);

    /// <summary>
    /// The edge scores of one layer's attention inputs, of one MLP input or of the logits, for every example of a micro-batch: see <see cref="ScoreContraction"/>.
    /// scores[e][u, column] += Σ_{rows of e} Δz_u · G_column.
    /// </summary>
    public abstract void ContractScores(ScoreContraction contraction);

    // ---- metric heads ----

    /// <summary>
    /// logit-diff at sparse tokens: value[i] = Σ_j weight_j·z_j over the entries offsets[i] … offsets[i+1]−1, z_j the logit of token_j at y[i] (=);
    /// dy[i] = the gradient of the loss = −value, without bias and cap −Σ_j weight_j·U[token_j] (=; may be none).
    /// </summary>
    public abstract void SparseLogits(Tensor y, LogitHead head, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy);

    /// <summary>y = cap·tanh(x/cap); y may be x.</summary>
    public abstract void SoftCap(Tensor x, float cap, Tensor y);

    /// <summary>dx = dy⊙(1 − (y/cap)²): the gradient at x of one at y = cap·tanh(x/cap). dx may be dy.</summary>
    public abstract void SoftCapBackward(Tensor y, float cap, Tensor dy, Tensor dx);

    /// <summary>
    /// prob-diff: value[i] = Σ_j weight_j·softmax(logits[i])[token_j] (=); dLogits = gradient of −value (=; may be none, but not logits).
    /// </summary>
    public abstract void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits);

    /// <summary>
    /// kl: value[i] = mean over the vocabulary of p_ref·(log p_ref − log p) with p_ref = softmax(reference[i]); js (<paramref name="jensenShannon"/>): the mean of
    /// ½·[p_ref·(log p_ref − log m) + p·(log p − log m)], m = ½(p + p_ref). dLogits = gradient of +value with respect to logits (=; may be none, but not logits).
    /// </summary>
    public abstract void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits);

    // ---- circuits ----

    /// <summary>Sets the inputs of <paramref name="mix"/> [inputs·rows × d], one after another, in <paramref name="y"/> (dense) (=).</summary>
    public abstract void Mix(in NormedMix mix, Tensor y);

    /// <summary>Products of normed mixed inputs with columns of W: y = norm(x_input)·W[0 … d, n0 … n0+y.Columns] + bias for each of <paramref name="products"/>.</summary>
    /// <param name="mix">The inputs.</param>
    /// <param name="weights">W, with d rows.</param>
    /// <param name="products">What to multiply, in ascending order of their inputs.</param>
    /// <param name="work">At least [rows × d]: the inputs that a device forms before it multiplies; more rows let it form more of them at once.</param>
    public virtual void MultiplyMixed(in NormedMix mix, Weights weights, MixedProduct[] products, Tensor work)
    {
        ArgumentNullException.ThrowIfNull(products);
        var (rows, next) = (mix.Baseline.Rows, 0);
        if (rows == 0) return;
        if (work.Rows < rows) throw new ArgumentException($"{work.Rows} rows of work for inputs of {rows} rows", nameof(work));
        var together = work.Rows / rows;
        for (var first = 0; first < mix.Inputs; first += together)
        {
            var part = mix.Range(first, Math.Min(together, mix.Inputs - first));
            Mix(part, work.RowRange(0, part.Inputs * rows));
            for (; next < products.Length && products[next].Input < first + part.Inputs; next++)
            {
                var p = products[next];
                Multiply(weights, WeightSide.Forward, work.RowRange((p.Input - first) * rows, rows), p.Y, p.Bias, n0: p.FirstColumn);
            }
        }
    }

    // ---- masks ----

    /// <summary>
    /// Weighted sums of whole matrices, each a row of x or of y with its elements side by side: y_i (=) baseline + Σ_j weights[i, j]·x_j, or without a baseline
    /// y_i (+=) Σ_j weights[i, j]·x_j.
    /// </summary>
    /// <param name="weights">[n × m].</param>
    /// <param name="x">[m × elements].</param>
    /// <param name="baseline">[1 × elements], or none.</param>
    /// <param name="y">[n × elements].</param>
    public abstract void Combine(Tensor weights, Tensor x, Tensor baseline, Tensor y);

    /// <summary>
    /// Products of whole matrices [query rows × d], each a row of x or of g with its elements side by side, example by example:
    /// scores[e, i·pitch + j] (+=) Σ x_i⊙g_j over the query rows of sequence e.
    /// </summary>
    /// <param name="layout">The sequences.</param>
    /// <param name="x">[m × query rows·d].</param>
    /// <param name="g">[n × query rows·d].</param>
    /// <param name="pitch">At least n.</param>
    /// <param name="scores">[sequences × (m − 1)·pitch + n]; what is between is left alone.</param>
    public abstract void ContractRows(Ragged layout, Tensor x, Tensor g, int pitch, Tensor scores);

    /// <inheritdoc/>
    public abstract void Dispose();
}

/// <summary>Heads and groups of an attention operation, and which keys a query sees.</summary>
/// <param name="Heads">Query heads.</param>
/// <param name="HeadDim">Columns of one head.</param>
/// <param name="SuffixGroup">Query heads that share one key head in the suffix matrices.</param>
/// <param name="PrefixGroup">Query heads that share one key head in the prefix matrices.</param>
/// <param name="Scale">Factor of q·k, usually 1/√headDim.</param>
public readonly record struct AttentionShape(int Heads, int HeadDim, int SuffixGroup, int PrefixGroup, float Scale)
{
    /// <summary>W: the query at position i sees the keys at positions i − W + 1 … i, of prefix and suffix alike; 0: all up to its own.</summary>
    public int Window { get; init; }

    /// <summary>c: in place of scale·q·k the softmax is taken of c·tanh(scale·q·k/c), and so are the largest ones; 0: no cap.</summary>
    public float Cap { get; init; }

    /// <summary>b [heads × positions], or none: for head h the softmax is taken of scale·(q·k + b[h, j]) of the key at position j, prefix and suffix alike, and so are the largest ones. Not beside a cap.</summary>
    public Tensor Bias { get; init; }

    /// <summary>Attention whose scores, all that is done to them included, are divided by <paramref name="temperature"/>.</summary>
    public AttentionShape AtTemperature(float temperature) => this with { Scale = Scale / temperature, Cap = Cap / temperature };
}

/// <summary>A device has too little memory for an allocation.</summary>
public sealed class DeviceMemoryException(string message) : Exception(message);
