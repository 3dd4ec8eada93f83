namespace Faith.Kernels.Host;

public sealed unsafe partial class HostDevice
{
    /// <inheritdoc/>
    public override void Fill(Tensor x, float value) =>
        Rows(x.Rows, x.Columns, (x, value), static (k, in o, from, to) => k.Fill(o.x, o.value, from, to));

    /// <inheritdoc/>
    public override void Copy(Tensor x, Tensor y)
    {
        RequireSameShape(x, y);
        Rows(x.Rows, x.Columns, (x, y), static (_, in o, from, to) =>
        {
            for (var r = from; r < to; r++) new Span<float>(o.x.Row(r), o.x.Columns).CopyTo(new Span<float>(o.y.Row(r), o.x.Columns));
        });
    }

    /// <inheritdoc/>
    public override void AddScaled(Tensor x, float scale, Tensor y)
    {
        RequireSameShape(x, y);
        Rows(x.Rows, x.Columns, (x, scale, y), static (k, in o, from, to) => k.AddScaled(o.x, o.scale, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void Subtract(Tensor a, Tensor b, Tensor y)
    {
        RequireSameShape(a, b);
        RequireSameShape(a, y);
        Rows(a.Rows, a.Columns, (a, b, y), static (k, in o, from, to) => k.Subtract(o.a, o.b, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void Interpolate(Tensor corrupted, Tensor clean, float alpha, Tensor y)
    {
        RequireSameShape(corrupted, clean);
        RequireSameShape(corrupted, y);
        if (alpha == 0) Copy(corrupted, y);
        else if (alpha == 1) Copy(clean, y);
        else
            Rows(y.Rows, y.Columns, (corrupted, clean, alpha, y), static (k, in o, from, to) => k.Interpolate(o.corrupted, o.clean, o.alpha, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void GatherRows(Tensor table, Indices rows, float scale, Tensor y)
    {
        RequireRows(y.Rows, rows.Count);
        RequireColumns(y.Columns, table.Columns);
        Rows(y.Rows, y.Columns, (table, rows, scale, y), static (k, in o, from, to) => k.GatherRows(o.table, o.rows, o.scale, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void AddGatheredRows(Tensor table, Indices rows, Tensor y)
    {
        RequireRows(y.Rows, rows.Count);
        RequireColumns(y.Columns, table.Columns);
        Rows(y.Rows, y.Columns, (table, rows, y), static (k, in o, from, to) => k.AddGatheredRows(o.table, o.rows, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void ScatterAddRows(Tensor x, Indices rows, Tensor y)
    {
        RequireRows(x.Rows, rows.Count);
        RequireColumns(x.Columns, y.Columns);
        Rows(x.Rows, x.Columns, (x, rows, y), static (k, in o, from, to) => k.ScatterAddRows(o.x, o.rows, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void NormForward(Tensor x, Tensor scale, Tensor shift, float epsilon, bool centred, Tensor y, Tensor xhat, Tensor inverseSigma)
    {
        RequireSameShape(x, y);
        RequireColumns(scale.Columns, x.Columns);
        Rows(x.Rows, x.Columns, new NormOperands(x, scale, shift, epsilon, centred, y, xhat, inverseSigma),
            static (k, in o, from, to) => k.NormForward(o, from, to));
    }

    /// <inheritdoc/>
    public override void NormBackward(Tensor dy, Tensor scale, Tensor xhat, Tensor inverseSigma, bool centred, bool add, Tensor dx)
    {
        if (!xhat.IsNone) RequireSameShape(dy, xhat);
        RequireSameShape(dy, dx);
        RequireColumns(scale.Columns, dy.Columns);
        Rows(dy.Rows, dy.Columns, (dy, scale, xhat, inverseSigma, centred, add, dx), static (k, in o, from, to) =>
            k.NormBackward(o.dy, o.scale, o.xhat, o.inverseSigma, o.centred, o.add, o.dx, from, to));
    }

    /// <inheritdoc/>
    public override void GeluForward(Tensor u, Tensor y, Tensor derivative)
    {
        RequireSameShape(u, y);
        if (!derivative.IsNone) RequireSameShape(u, derivative);
        Rows(u.Rows, u.Columns, (u, y, derivative), static (k, in o, from, to) => k.GeluForward(o.u, o.y, o.derivative, from, to));
    }

    /// <inheritdoc/>
    public override void GeluRatioForward(Tensor u, Tensor y, Tensor ratio)
    {
        RequireSameShape(u, y);
        RequireSameShape(u, ratio);
        Rows(u.Rows, u.Columns, (u, y, ratio), static (k, in o, from, to) => k.GeluRatioForward(o.u, o.y, o.ratio, from, to));
    }

    /// <inheritdoc/>
    public override void MultiplyElements(Tensor dy, Tensor derivative, Tensor du)
    {
        RequireSameShape(dy, derivative);
        RequireSameShape(dy, du);
        Rows(dy.Rows, dy.Columns, (dy, derivative, du), static (k, in o, from, to) => k.MultiplyElements(o.dy, o.derivative, o.du, from, to));
    }

    /// <inheritdoc/>
    public override void SwiGluForward(Tensor gateUp, Tensor y)
    {
        RequireRows(y.Rows, gateUp.Rows);
        RequireColumns(gateUp.Columns, 2 * y.Columns);
        Rows(y.Rows, y.Columns, (gateUp, y), static (k, in o, from, to) =>
        {
            var f = o.y.Columns;
            k.SwiGluForward(o.gateUp.ColumnRange(0, f), o.gateUp.ColumnRange(f, f), o.y, from, to);
        });
    }

    delegate void GateWork(RowKernels kernels, Tensor gate, Tensor up, Tensor dy, Tensor dGate, Tensor dUp, int from, int to);

    /// <inheritdoc/>
    public override void SwiGluBackward(Tensor gateUp, Tensor dy, Tensor dGateUp) =>
        ForGates(gateUp, dy, dGateUp, static (kernels, gate, up, dy, dGate, dUp, from, to) => kernels.SwiGluBackward(gate, up, dy, dGate, dUp, from, to));

    /// <inheritdoc/>
    public override void SwiGluRatioBackward(Tensor gateUp, Tensor dy, Tensor dGateUp) =>
        ForGates(gateUp, dy, dGateUp, static (kernels, gate, up, dy, dGate, dUp, from, to) => kernels.SwiGluRatioBackward(gate, up, dy, dGate, dUp, from, to));

    void ForGates(Tensor gateUp, Tensor dy, Tensor dGateUp, GateWork work)
    {
        RequireRows(dy.Rows, gateUp.Rows);
        RequireColumns(gateUp.Columns, 2 * dy.Columns);
        RequireSameShape(gateUp, dGateUp);
        Rows(dy.Rows, 2 * dy.Columns, (gateUp, dy, dGateUp, work), static (k, in o, from, to) =>
        {
            var f = o.dy.Columns;
            o.work(k, o.gateUp.ColumnRange(0, f), o.gateUp.ColumnRange(f, f), o.dy, o.dGateUp.ColumnRange(0, f), o.dGateUp.ColumnRange(f, f), from, to);
        });
    }

    /// <inheritdoc/>
    public override void Rotary(Tensor x, Indices positions, Tensor cosines, Tensor sines, int headDim, bool inverse, Tensor y)
    {
        RequireSameShape(x, y);
        RequireRows(positions.Count, x.Rows);
        Rows(x.Rows, x.Columns, new RotaryOperands(x, positions, cosines, sines, headDim, inverse, y), static (k, in o, from, to) => k.Rotary(o, from, to));
    }

    /// <inheritdoc/>
    public override void SumHeadGroups(Tensor x, int headDim, int group, Tensor y)
    {
        RequireRows(y.Rows, x.Rows);
        RequireColumns(x.Columns, group * y.Columns);
        Rows(y.Rows, x.Columns, (x, headDim, group, y), static (k, in o, from, to) => k.SumHeadGroups(o.x, o.headDim, o.group, o.y, from, to));
    }

    /// <inheritdoc/>
    public override void AccumulateSplitGradient(Tensor gradient, Tensor projection, Tensor projectionAtZero, Tensor inverseSigma,
        int width, int headDim, int group, float weight, Tensor alpha, Tensor s)
    {
        RequireSameShape(gradient, alpha);
        if (s.IsNone)
        {
            Rows(gradient.Rows, gradient.Columns, (gradient, inverseSigma, weight, alpha), static (k, in o, from, to) => k.AddScaledRows(o.gradient, o.inverseSigma, o.weight, o.alpha, from, to));
            return;
        }
        RequireColumns(gradient.Columns, s.Columns * headDim);
        RequireColumns(projection.Columns * group, gradient.Columns);
        Rows(gradient.Rows, gradient.Columns,
            new SplitGradientOperands(gradient, projection, projectionAtZero, inverseSigma, width, headDim, group, weight, alpha, s),
            static (k, in o, from, to) => k.AccumulateSplitGradient(o, from, to));
    }

    /// <inheritdoc/>
    public override void SparseLogits(Tensor y, Tensor unembedding, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dy)
    {
        RequireColumns(unembedding.Columns, y.Columns);
        RequireRows(offsets.Count, y.Rows + 1);
        Rows(y.Rows, y.Columns, new SparseLogitsOperands(y, unembedding, new(offsets, tokens, weights), value, dy),
            static (k, in o, from, to) => k.SparseLogits(o, from, to));
    }

    /// <inheritdoc/>
    public override void SoftmaxMetric(Tensor logits, Indices offsets, Indices tokens, Tensor weights, Tensor value, Tensor dLogits)
    {
        RequireRows(offsets.Count, logits.Rows + 1);
        Rows(logits.Rows, logits.Columns, (logits, answers: new AnswerWeights(offsets, tokens, weights), value, dLogits),
            static (k, in o, from, to) => k.SoftmaxMetric(o.logits, o.answers, o.value, o.dLogits, from, to));
    }

    /// <inheritdoc/>
    public override void DivergenceMetric(Tensor logits, Tensor reference, bool jensenShannon, Tensor value, Tensor dLogits)
    {
        RequireSameShape(logits, reference);
        Rows(logits.Rows, logits.Columns, (logits, reference, jensenShannon, value, dLogits),
            static (k, in o, from, to) => k.DivergenceMetric(o.logits, o.reference, o.jensenShannon, o.value, o.dLogits, from, to));
    }

    /// <inheritdoc/>
    public override void ContractScores(ScoreContraction contraction)
    {
        ArgumentNullException.ThrowIfNull(contraction);
        MatrixFlops += this.contraction.Run(contraction);
    }
}
