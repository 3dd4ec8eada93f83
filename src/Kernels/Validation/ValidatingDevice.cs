using System.Runtime.CompilerServices;
using Faith.Kernels.Host;
using static Faith.Kernels.Validation.Operand;

namespace Faith.Kernels.Validation;

/// <summary>
/// A device whose every operation a referee repeats on copies of the same operands, on the CPU: where a result differs by more than
/// <see cref="Tolerance"/> of its largest value, or anything else between the operands' first and last elements has changed, it stops with a
/// <see cref="ValidationException"/>. Slow, for finding which operation is wrong on a machine; results are those of the device.
/// </summary>
public sealed class ValidatingDevice : Device
{
    /// <summary>Largest difference that passes, relative to the largest absolute value of the result.</summary>
    public const double Tolerance = 1e-4;

    private static readonly OwnOperands Own = new();
    private readonly Device device;
    private readonly Device referee;
    private readonly MirroredOperands mirrored;
    private readonly Action<string>? report;
    private bool agrees = true;

    private ValidatingDevice(Device device, Device referee, Action<string>? report)
    {
        (this.device, this.referee, this.report) = (device, referee, report);
        mirrored = new(device);
        Limits = device.Limits;
    }

    /// <summary>Validates a device, which it then owns: a GPU by the CPU's kernels, a CPU by its portable ones, which take registers of another width and none of its instructions.</summary>
    /// <param name="device">The device.</param>
    /// <param name="threads">Threads of the referee; 0 for one a core.</param>
    /// <param name="report">Told in the end, unless a result differed, how far results were apart.</param>
    public static ValidatingDevice Over(Device device, int threads = 0, Action<string>? report = null)
    {
        ArgumentNullException.ThrowIfNull(device);
        return new(device, new HostDevice(threads, device is HostDevice ? SimdWidth.Portable : SimdWidth.Best), report);
    }

    /// <summary>How far results were apart so far.</summary>
    public Deviations Deviations { get; } = new();

    /// <inheritdoc/>
    public override string Name => $"{device.Name}, validated by {referee.Name}";
    /// <inheritdoc/>
    public override Products Products => device.Products;
    /// <inheritdoc/>
    public override long FreeMemory => device.FreeMemory;

    /// <inheritdoc/>
    public override DeviceBuffer Allocate(long bytes) => device.Allocate(bytes);
    /// <inheritdoc/>
    public override void Upload(ReadOnlySpan<byte> source, DeviceBuffer destination, long offset) => device.Upload(source, destination, offset);
    /// <inheritdoc/>
    public override void Download(DeviceBuffer source, long offset, Span<byte> destination) => device.Download(source, offset, destination);
    /// <inheritdoc/>
    public override void Synchronize() => device.Synchronize();
    /// <inheritdoc/>
    public override DeviceMark Mark() => device.Mark();

    /// <inheritdoc/>
    public override Weights CreateWeights(MatrixSource source) => Validated(source, device.CreateWeights(source));

    /// <inheritdoc/>
    public override Weights CreateTable(MatrixSource source) => Validated(source, device.CreateTable(source));

    private ValidatedWeights Validated(MatrixSource source, Weights own)
    {
        try
        {
            return new(own, referee.CreateTable(source));
        }
        catch
        {
            own.Dispose();
            throw;
        }
    }

    /// <inheritdoc/>
    public override void Fill(Tensor x, float value) => Check((d, o) => d.Fill(o[x], value), [Out(x)]);

    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y) => Check((d, o) => d.Copy(o[x], o[y]), [In(x), Out(y)]);

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float scale, Tensor y) => Check((d, o) => d.AddScaled(o[x], scale, o[y]), [In(x), Out(y)]);

    /// <inheritdoc/>
    public override void Scale(Tensor x, float factor) => Check((d, o) => d.Scale(o[x], factor), [Out(x)]);

    /// <inheritdoc/>
    public override void Subtract(Tensor a, Tensor b, Tensor y) => Check((d, o) => d.Subtract(o[a], o[b], o[y]), [In(a), In(b), Out(y)]);

    /// <inheritdoc/>
    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y) =>
        Check((d, o) => d.Interpolate(o[corrupted], o[clean], alpha, o[y]), [In(corrupted), In(clean), Out(y)]);

    /// <inheritdoc/>
    public override void MultiplyElements(Tensor a, Tensor b, Tensor y) => Check((d, o) => d.MultiplyElements(o[a], o[b], o[y]), [In(a), In(b), Out(y)]);

    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y, bool add = false) =>
        Check((d, o) => d.GatherRows(o[table], o[rows], scale, o[y], add), [In(table), In(rows), Out(y)]);

    /// <inheritdoc/>
    public override void GatherRows(Weights table, Indices rows, float scale, Tensor y, bool add = false) =>
        Check((d, o) => d.GatherRows(o[table], o[rows], scale, o[y], add), [In(rows), Out(y)]);

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y) =>
        Check((d, o) => d.ScatterAddRows(o[x], o[rows], o[y]), [In(x), In(rows), Out(y)]);

    /// <inheritdoc/>
    public override void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat, Tensor inverseSigma) =>
        Check((d, o) => d.NormForward(o[x], o[scale], o[shift], epsilon, centred, o[y], o[xhat], o[inverseSigma]),
            [In(x), In(scale), In(shift), Out(y), Out(xhat), Out(inverseSigma)]);

    /// <inheritdoc/>
    public override void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx) =>
        Check((d, o) => d.NormBackward(o[dy], o[scale], o[xhat], o[inverseSigma], centred, add, o[dx]),
            [In(dy), In(scale), In(xhat), In(inverseSigma), Out(dx, o => o.Largest(dy) * o.Largest(scale) * o.Largest(inverseSigma))]);

    /// <inheritdoc/>
    public override void NormDifferential(Tensor dx, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, Tensor y) =>
        Check((d, o) => d.NormDifferential(o[dx], o[scale], o[xhat], o[inverseSigma], centred, o[y]),
            [In(dx), In(scale), In(xhat), In(inverseSigma), Out(y, o => o.Largest(dx) * o.Largest(scale) * o.Largest(inverseSigma))]);

    /// <inheritdoc/>
    public override void Multiply(Weights weights, WeightSide side, Tensor x, Tensor y, Tensor bias = default, bool add = false, int k0 = 0, int n0 = 0, Epilogue then = default)
    {
        var operand = then.Operand;
        Check((d, o) => d.Multiply(o[weights], side, o[x], o[y], o[bias], add, k0, n0, then with { Operand = o[operand] }),
            [In(x), In(bias), Out(y), then.Kind == EpilogueKind.Backward && !then.Activation.Gated ? In(operand) : Out(operand)]);
    }

    /// <inheritdoc/>
    public override void Activate(Activation activation, Tensor u, Tensor y, Tensor slope) =>
        Check((d, o) => d.Activate(activation, o[u], o[y], o[slope]), [In(u), Out(y), Out(slope)]);

    /// <inheritdoc/>
    public override void GateBackward(Activation activation, Tensor gateUp, Tensor dy, Tensor dGateUp) =>
        Check((d, o) => d.GateBackward(activation, o[gateUp], o[dy], o[dGateUp]), [In(gateUp), In(dy), Out(dGateUp)]);

    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool interleaved, bool inverse, Tensor y) =>
        Check((d, o) => d.Rotary(o[x], o[positions], o[cosines], o[sines], headDim, interleaved, inverse, o[y]), [In(x), In(positions), In(cosines), In(sines), Out(y)]);

    /// <inheritdoc/>
    public override void AttentionForward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV, Tensor context, Tensor normalizers) =>
        Check((d, o) => d.AttentionForward(layout, shape with { Bias = o[shape.Bias] }, o[q], o[k], o[v], o[prefixK], o[prefixV], o[context], o[normalizers]),
            [In(q), In(k), In(v), In(prefixK), In(prefixV), In(shape.Bias), Out(context), Out(normalizers)]);

    /// <inheritdoc/>
    public override void AttentionBackward(Ragged layout, AttentionShape shape, Tensor q, Tensor k, Tensor v, Tensor prefixK, Tensor prefixV,
        Tensor context, Tensor normalizers, Tensor dContext, Tensor dq, Tensor dk, Tensor dv)
    {
        // A probability's gradient is p·(dContext·v − mean of the same), which cancels where a query sees one key.
        double OfScores(MirroredOperands o) => shape.Scale * o.Largest(dContext) * Math.Max(o.Largest(v), o.Largest(prefixV));
        Check((d, o) => d.AttentionBackward(layout, shape with { Bias = o[shape.Bias] }, o[q], o[k], o[v], o[prefixK], o[prefixV], o[context], o[normalizers], o[dContext], o[dq], o[dk], o[dv]),
            [In(q), In(k), In(v), In(prefixK), In(prefixV), In(shape.Bias), In(context), In(normalizers), In(dContext),
                Out(dq, o => OfScores(o) * Math.Max(o.Largest(k), o.Largest(prefixK))), Out(dk, o => OfScores(o) * o.Largest(q)), Out(dv)]);
    }

    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y) => Check((d, o) => d.SumHeadGroups(o[x], headDim, group, o[y]), [In(x), Out(y)]);

    /// <inheritdoc/>
    public override void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s) =>
        Check((d, o) => d.AccumulateSplitGradient(o[gradient], o[projection], o[projectionAtZero], o[inverseSigma], width, headDim, group, weight, o[alpha], o[s]),
            [In(gradient), In(projection), In(projectionAtZero), In(inverseSigma), Out(alpha), Out(s)]);

    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        ArgumentNullException.ThrowIfNull(contraction);
        var c = contraction;
        Check((d, o) => d.ContractScores(c.Mapped(view => o[view], weights => o[weights])),
            [In(c.InputDifference), .. In(c.ContextDifference), .. In(c.MlpDifference), .. In(c.NormScale), .. In(c.Alpha), .. In(c.NormalizedInputs), .. In(c.StepProducts),
                .. In(c.MlpGradient), In(c.LogitsGradient), .. c.OutputNorms.SelectMany(n => (Operand[])[In(n.Scale), In(n.XHat), In(n.InverseSigma)]), Out(c.Scores)]);
    }

    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, LogitHead head, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        var (unembedding, bias) = (head.Unembedding, head.Bias);
        Check((d, o) => d.SparseLogits(o[y], head with { Unembedding = o[unembedding], Bias = o[bias] }, o[offsets], o[tokens], o[weights], o[value], o[dy]),
            [In(y), In(bias), In(offsets), In(tokens), In(weights), Out(value, o => o.Largest(y) * ((ValidatedWeights)unembedding).Largest * o.Largest(weights)), Out(dy)]);
    }

    /// <inheritdoc/>
    public override void SoftCap(Tensor x, float cap, Tensor y) => Check((d, o) => d.SoftCap(o[x], cap, o[y]), [In(x), Out(y)]);

    /// <inheritdoc/>
    public override void SoftCapBackward(Tensor y, float cap, Tensor dy, Tensor dx) => Check((d, o) => d.SoftCapBackward(o[y], cap, o[dy], o[dx]), [In(y), In(dy), Out(dx)]);

    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits) =>
        Check((d, o) => d.SoftmaxMetric(o[logits], o[offsets], o[tokens], o[weights], o[value], o[dLogits]),
            [In(logits), In(offsets), In(tokens), In(weights), Out(value, o => o.Largest(weights) / 100), Out(dLogits, o => o.Largest(weights) / 100)]);

    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits)
    {
        // Of two distributions that are close, what is left are differences of probabilities, over the vocabulary.
        double OfMean(MirroredOperands _) => 1.0 / logits.Columns;
        Check((d, o) => d.DivergenceMetric(o[logits], o[reference], jensenShannon, o[value], o[dLogits]),
            [In(logits), In(reference), Out(value, OfMean), Out(dLogits, OfMean)]);
    }

    /// <inheritdoc/>
    public override void Mix(in NormedMix mix, Tensor y)
    {
        var inputs = mix;
        Check((d, o) => d.Mix(Mapped(inputs, o), o[y]), [.. Read(inputs), Out(y)]);
    }

    /// <inheritdoc/>
    public override void MultiplyMixed(in NormedMix mix, Weights weights, MixedProduct[] products, Tensor work)
    {
        var inputs = mix;
        Check((d, o) => d.MultiplyMixed(Mapped(inputs, o), o[weights], [.. products.Select(p => p with { Y = o[p.Y], Bias = o[p.Bias] })], o[work]),
            [.. Read(inputs), .. products.Select(p => In(p.Bias)), Scratch(work), .. products.Select(p => Out(p.Y))]);
    }

    /// <inheritdoc/>
    public override void Combine(Tensor weights, Tensor x, Tensor baseline, Tensor y) =>
        Check((d, o) => d.Combine(o[weights], o[x], o[baseline], o[y]), [In(weights), In(x), In(baseline), Out(y)]);

    /// <inheritdoc/>
    public override void ContractRows(Ragged layout, Tensor x, Tensor g, int pitch, Tensor scores) =>
        Check((d, o) => d.ContractRows(layout, o[x], o[g], pitch, o[scores]), [In(x), In(g), Out(scores, o => o.Largest(x) * o.Largest(g))]);

    /// <inheritdoc/>
    public override void Dispose()
    {
        if (agrees && Deviations.Calls > 0) report?.Invoke($"{Name}: {Deviations}");
        mirrored.Dispose();
        referee.Dispose();
        device.Dispose();
    }

    private static NormedMix Mapped(in NormedMix mix, IOperands o) => mix with
    {
        Baseline = o[mix.Baseline],
        Sources = o[mix.Sources],
        SourceOffsets = o[mix.SourceOffsets],
        SourceList = o[mix.SourceList],
        Scale = o[mix.Scale],
        Shift = o[mix.Shift],
    };

    private static IEnumerable<Operand> Read(NormedMix mix) =>
        [In(mix.Baseline), In(mix.Sources), In(mix.SourceOffsets), In(mix.SourceList), In(mix.Scale), In(mix.Shift)];

    // The operation on the device, then on the referee, and the comparison.
    private void Check(Action<Device, IOperands> operation, Operand[] operands, [CallerMemberName] string name = "")
    {
        mirrored.Take(operands);
        operation(device, Own);
        operation(referee, mirrored);
        mirrored.TakeResults();
        MatrixFlops = device.MatrixFlops;
        var deviation = operands.Where(o => o.Role == OperandRole.Written && !o.View.IsNone).Select(o => Compare(name, o, operands)).DefaultIfEmpty().Max();
        // What is left where results stood is equal from here on; anything else should be so.
        foreach (var operand in operands.Where(o => o.Role != OperandRole.Read && !o.View.IsNone))
            for (var row = 0; row < operand.View.Rows; row++) mirrored.Referees(operand.View, row).CopyTo(mirrored.Own(operand.View, row));
        if (mirrored.FirstDifference() is { } place)
            throw Disagreement($"{Call(name, operands)} on {device.Name} changed memory that is no result of it{Near(place.Buffer, place.Offset, operands)}");
        Deviations.Add(name, deviation);
    }

    // The largest difference of an element relative to the largest value.
    private double Compare(string name, Operand result, Operand[] operands)
    {
        var view = result.View;
        var largest = Math.Max(mirrored.Largest(view), result.Floor?.Invoke(mirrored) ?? 0);
        double deviation = 0;
        for (var row = 0; row < view.Rows; row++)
        {
            ReadOnlySpan<float> own = mirrored.Own(view, row), referees = mirrored.Referees(view, row);
            for (var column = 0; column < view.Columns; column++)
            {
                var (a, b) = (own[column], referees[column]);
                if (a.Equals(b)) continue; // NaN equals NaN
                var difference = Math.Abs((double)a - b);
                if (!(difference <= Tolerance * largest))
                {
                    throw Disagreement(FormattableString.Invariant(
                        $"{Call(name, operands)}: {result.Name}[{row}, {column}] is {a:G9} on {device.Name} and {b:G9} on {referee.Name}; its values reach {largest:G3}"));
                }
                if (difference > 0) deviation = Math.Max(deviation, difference / largest);
            }
        }
        return deviation;
    }

    private ValidationException Disagreement(string message)
    {
        agrees = false;
        return new(message);
    }

    // "call 12 of Multiply(x [3 × 4], y [3 × 8])"
    private string Call(string name, Operand[] operands) =>
        $"call {Deviations.Operations.GetValueOrDefault(name).Calls + 1} of {name}({string.Join(", ", operands.Where(o => !o.View.IsNone).Select(o => $"{o.Name} [{o.View.Rows} × {o.View.Columns}]"))})";

    private static string Near(DeviceBuffer buffer, long offset, Operand[] operands)
    {
        var operand = operands.First(o => o.View.Buffer == buffer && offset >= o.View.Offset && offset < o.View.Offset + o.View.Extent);
        var (row, column) = Math.DivRem(offset - operand.View.Offset, operand.View.Stride);
        return $": {operand.Name}, row {row}, column {column} of {operand.View.Columns}";
    }
}
