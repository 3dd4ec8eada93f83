using Faith.Engine.Attribution;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>The gradients that attribution keeps: what method.md §3 accumulates over the steps.</summary>
internal sealed class GradientAccumulators
{
    /// <summary>Lays out the accumulators; those of <see cref="OutputGradient"/> only with <paramref name="outputs"/>.</summary>
    public GradientAccumulators(Arena arena, ModelConfig c, int rows, int sequences, int steps, GradientRule rule, bool outputs = false, bool mlpAtInput = false)
    {
        (Rows, Sequences, Capacity, HoldsSteps, MlpAtInput) = (rows, sequences, steps, !rule.HoldsSigma, mlpAtInput);
        Alpha = new Tensor[c.Layers];
        NormalizedInputs = new Tensor[c.Layers];
        StepProducts = new Tensor[c.Layers];
        MlpGradient = new Tensor[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            Alpha[l] = arena.Matrix(rows, 3 * c.QueryWidth);
            MlpGradient[l] = arena.Matrix(l == c.Layers - 1 ? sequences : rows, c.Width);
            if (!HoldsSteps) continue;
            NormalizedInputs[l] = arena.Matrix(checked(steps * rows), c.Width);
            StepProducts[l] = arena.Matrix(steps * rows, 3 * c.Heads);
        }
        LogitsGradient = arena.Matrix(sequences, c.Width);
        OutputGradient = outputs ? [.. Enumerable.Range(0, 1 + 2 * c.Layers).Select(i => arena.Matrix(i > 2 * (c.Layers - 1) ? sequences : rows, c.Width))] : [];
    }

    public int Rows { get; }
    public int Sequences { get; }
    /// <summary>Steps that fit before a contraction must empty the accumulators.</summary>
    public int Capacity { get; }
    /// <summary>True where x̂ and s of every step are held; a rule with σ constant has no use for them.</summary>
    public bool HoldsSteps { get; }
    public Tensor[] Alpha { get; }
    /// <summary>The x̂ of the steps, none where they are not held.</summary>
    public Tensor[] NormalizedInputs { get; }
    /// <summary>The s of the steps, none where they are not held.</summary>
    public Tensor[] StepProducts { get; }
    public Tensor[] MlpGradient { get; }
    public Tensor LogitsGradient { get; }
    /// <summary>Gradients at the outputs of input (0), the heads of layer l (1 + 2l, the same for all) and its MLP (2 + 2l), over all steps of a run; empty where nobody asks.</summary>
    public Tensor[] OutputGradient { get; }

    /// <summary>True where an MLP's place in <see cref="OutputGradient"/> has the gradient at its input, before its norm, instead: a quirk of another program.</summary>
    public bool MlpAtInput { get; }

    /// <summary>Empties everything before a run.</summary>
    public void Start(Device device)
    {
        Clear(device);
        foreach (var t in OutputGradient) device.Fill(t, 0);
    }

    /// <summary>Empties what a contraction has used.</summary>
    public void Clear(Device device)
    {
        foreach (var t in Alpha) device.Fill(t, 0);
        foreach (var t in MlpGradient) device.Fill(t, 0);
        if (HoldsSteps) device.Fill(StepProducts[^1], 0);
        device.Fill(LogitsGradient, 0);
    }

    /// <summary>The s of the heads [first, first + count) of q, k and v in one step of a layer [rows × count], or none where they are not held.</summary>
    public Tensor Products(int l, int step, int first, int count) =>
        HoldsSteps ? StepProducts[l].RowRange(step * Rows, Rows).ColumnRange(first, count) : default;
}

/// <summary>The matrices of a backward pass, for at most the given rows.</summary>
internal sealed class BackwardBuffers
{
    /// <summary>Lays out the matrices; with <paramref name="keepsGates"/> a pass leaves what the forward pass kept as it is, so that another can follow it, with <paramref name="keepsContexts"/> it leaves the gradients of all contexts.</summary>
    public BackwardBuffers(Arena arena, ModelConfig c, int rows, int sequences, int sequencesOfPoint, bool keepsGates = false, bool keepsContexts = false)
    {
        if (keepsContexts) ContextGradients = [.. Enumerable.Range(0, c.Layers).Select(l => arena.Matrix(l == c.Layers - 1 ? sequences : rows, c.QueryWidth))];
        if (keepsGates && c.Activation == Activation.SwiGlu) GateUp = arena.Matrix(rows, 2 * c.MlpWidth);
        Stream = arena.Matrix(rows, c.Width);
        LastStream = arena.Matrix(sequences, c.Width);
        Normed = arena.Matrix(rows, c.Width);
        LastNormed = arena.Matrix(sequences, c.Width);
        Block = arena.Matrix(rows, c.Width);
        Hidden = arena.Matrix(rows, c.MlpWidth);
        Context = arena.Matrix(rows, c.QueryWidth);
        SplitProjection = arena.Matrix(rows, 3 * c.QueryWidth);
        Projection = c.Group == 1 ? SplitProjection : arena.Matrix(rows, c.ProjectionWidth);
        LastQuery = arena.Matrix(sequences, c.QueryWidth);
        LastAlpha = arena.Matrix(sequencesOfPoint, c.QueryWidth);
        LastProducts = arena.Matrix(sequencesOfPoint, c.Heads);
        LastInverseSigma = arena.Matrix(sequences, 1);
        Final = arena.Matrix(sequences, c.Width);
    }

    public Tensor Stream { get; }
    public Tensor LastStream { get; }
    public Tensor Normed { get; }
    public Tensor LastNormed { get; }
    public Tensor Block { get; }
    public Tensor Hidden { get; }
    /// <summary>Where the gradients of gates and ups go, or none: to the place of these.</summary>
    public Tensor GateUp { get; }
    public Tensor Context { get; }
    /// <summary>Per layer: where the gradient of the attention's output before W_O is kept; empty where nobody asks.</summary>
    public Tensor[] ContextGradients { get; } = [];
    /// <summary>dq, dk, dv side by side, one block a query head each.</summary>
    public Tensor SplitProjection { get; }
    /// <summary>The same with shared key heads summed.</summary>
    public Tensor Projection { get; }
    public Tensor LastQuery { get; }
    public Tensor LastAlpha { get; }
    public Tensor LastProducts { get; }
    public Tensor LastInverseSigma { get; }
    /// <summary>∂L/∂(output of the final norm).</summary>
    public Tensor Final { get; }
}

/// <summary>
/// The backward pass: the forward's list reversed. Weights get no gradients (method.md §3, consequence 6); on its way it feeds
/// the accumulators that all edge scores are contracted from.
/// </summary>
internal static class BackwardPass
{
    /// <summary>
    /// Runs back from <c>buffers.Final</c>. The points of the pass are steps slot, slot + 1, … with the given weights. Where one of
    /// <paramref name="points"/> stops at outputs (<see cref="PathPoint.Stops"/>), no gradient flows into what computed them.
    /// </summary>
    public static void Run(Transformer model, PassLayout layout, PrefixCache prefix, Activations activations, BackwardBuffers buffers,
        GradientAccumulators sums, int slot, ReadOnlySpan<float> weights, ReadOnlySpan<PathPoint> points)
    {
        var (device, c, centred, rule) = (model.Device, model.Config, model.Centred, activations.Rule);
        var gx = buffers.LastStream.RowRange(0, layout.Sequences);
        device.NormBackward(buffers.Final.RowRange(0, layout.Sequences), model.FinalScale, activations.FinalXHat, activations.FinalInverseSigma, centred, add: false, gx);
        for (var p = 0; p < layout.Points; p++) device.AddScaled(gx.RowRange(p * sums.Sequences, sums.Sequences), weights[p], sums.LogitsGradient);

        for (var l = c.Layers - 1; l >= 0; l--)
        {
            var (w, a, last) = (model.Layers[l], activations.Layers[l], l == c.Layers - 1);

            // MLP: gradient at its input, into the accumulator and into the stream.
            var gMlp = buffers.Block.RowRange(0, gx.Rows);
            if (!sums.MlpAtInput) AccumulateOutput(model, sums, 2 + 2 * l, weights, gx);
            MlpBackward(model, rule, a, l, gx, buffers, gMlp);
            ClearStopped(model, points, 2 + 2 * l, gMlp);
            if (sums.MlpAtInput) AccumulateOutput(model, sums, 2 + 2 * l, weights, gMlp);
            for (var p = 0; p < layout.Points; p++)
            {
                var count = last ? sums.Sequences : sums.Rows;
                device.AddScaled(gMlp.RowRange(p * count, count), weights[p], sums.MlpGradient[l]);
            }
            if (!c.ParallelBlocks) device.AddScaled(gMlp, 1, gx);

            // Attention: gradients of every head's own q, k and v.
            var context = buffers.Context.RowRange(0, gx.Rows);
            AccumulateOutput(model, sums, 1 + 2 * l, weights, gx);
            device.Multiply(w.Output, WeightSide.Transposed, gx, context);
            ClearStopped(model, points, 1 + 2 * l, context);
            if (buffers.ContextGradients.Length > 0) device.Copy(context, buffers.ContextGradients[l]);
            if (c.ParallelBlocks) device.AddScaled(gMlp, 1, gx);
            var split = buffers.SplitProjection.RowRange(0, layout.Rows);
            var (dq, dk, dv) = (last ? buffers.LastQuery.RowRange(0, layout.Sequences) : split.ColumnRange(0, c.QueryWidth),
                split.ColumnRange(c.QueryWidth, c.QueryWidth), split.ColumnRange(2 * c.QueryWidth, c.QueryWidth));
            if (rule.HoldsPattern)
            {
                device.AttentionValuesBackward(last ? layout.LastQuery : layout.All, model.Attention, a.RotatedQuery, a.RotatedKey, prefix.Keys[l], a.Normalizers, context, dv);
            }
            else
            {
                device.AttentionBackward(last ? layout.LastQuery : layout.All, model.Attention, a.RotatedQuery, a.RotatedKey, a.Value,
                    prefix.Keys[l], prefix.Values[l], a.Context, a.Normalizers, context, dq, dk, dv);
                if (c.Rotary is not null)
                {
                    device.Rotary(dq, last ? layout.LastPositions : layout.Positions, model.Cosines, model.Sines, c.HeadDim, inverse: true, dq);
                    device.Rotary(dk, layout.Positions, model.Cosines, model.Sines, c.HeadDim, inverse: true, dk);
                }
                AccumulateQueries(model, layout, a, buffers, sums, l, slot, weights, dq);
                AccumulateKeysOrValues(model, layout, a.Key, dk, 1, a, sums, l, slot, weights);
            }
            AccumulateKeysOrValues(model, layout, a.Value, dv, 2, a, sums, l, slot, weights);
            if (l == 0 && sums.OutputGradient.Length == 0) return; // nobody reads the gradient of the embeddings

            var gxAll = buffers.Stream.RowRange(0, layout.Rows);
            if (last)
            {
                device.Fill(gxAll, 0);
                device.ScatterAddRows(gx, layout.LastRows, gxAll);
            }
            gx = gxAll;
            AttentionInputBackward(model, layout, rule, a, buffers, l, dq, dk, dv, gx);
        }
        AccumulateOutput(model, sums, 0, weights, gx);
    }

    private static void AccumulateOutput(Transformer model, GradientAccumulators sums, int output, ReadOnlySpan<float> weights, Tensor gx)
    {
        if (sums.OutputGradient.Length == 0) return;
        var sum = sums.OutputGradient[output];
        for (var p = 0; p < weights.Length; p++) model.Device.AddScaled(gx.RowRange(p * sum.Rows, sum.Rows), weights[p], sum);
    }

    private static void ClearStopped(Transformer model, ReadOnlySpan<PathPoint> points, int stage, Tensor gradient)
    {
        var rows = gradient.Rows / points.Length;
        for (var p = 0; p < points.Length; p++)
        {
            if (points[p].Stops(stage)) model.Device.Fill(gradient.RowRange(p * rows, rows), 0);
        }
    }

    private static void MlpBackward(Transformer model, GradientRule rule, LayerActivations a, int l, Tensor gx, BackwardBuffers buffers, Tensor gMlp)
    {
        var (device, w) = (model.Device, model.Layers[l]);
        var (hidden, normed) = (buffers.Hidden.RowRange(0, gx.Rows), buffers.Normed.RowRange(0, gx.Rows));
        var (gated, gate) = (model.Config.Activation == Activation.SwiGlu, a.Gate);
        if (!buffers.GateUp.IsNone) device.Copy(a.Gate, gate = buffers.GateUp.RowRange(0, gx.Rows));
        device.Multiply(w.Down, WeightSide.Transposed, gx, hidden, default, gated ? rule.SwiGluGradient(gate) : Epilogue.Times(gate));
        device.Multiply(w.Up, WeightSide.Transposed, gated ? gate : hidden, normed);
        device.NormBackward(normed, w.MlpScale, a.MlpXHat, a.MlpInverseSigma, model.Centred, add: false, gMlp);
    }

    /// <summary>gx += gradient through projection and norm. In the last layer dq has one row a sequence; where the rule holds the pattern, there is dv alone.</summary>
    private static void AttentionInputBackward(Transformer model, PassLayout layout, GradientRule rule, LayerActivations a, BackwardBuffers buffers, int l,
        Tensor dq, Tensor dk, Tensor dv, Tensor gx)
    {
        var (device, c, w) = (model.Device, model.Config, model.Layers[l]);
        var projection = buffers.Projection.RowRange(0, layout.Rows);
        var normed = buffers.Normed.RowRange(0, layout.Rows);
        // Columns of the projection before this one have no gradient, or in the last layer one in rows of their own.
        var first = rule.HoldsPattern ? c.QueryWidth + c.KeyWidth : l == c.Layers - 1 ? c.QueryWidth : 0;
        if (c.Group > 1)
        {
            if (first == 0) device.Copy(dq, projection.ColumnRange(0, c.QueryWidth));
            if (first <= c.QueryWidth) device.SumHeadGroups(dk, c.HeadDim, c.Group, projection.ColumnRange(c.QueryWidth, c.KeyWidth));
            device.SumHeadGroups(dv, c.HeadDim, c.Group, projection.ColumnRange(c.QueryWidth + c.KeyWidth, c.KeyWidth));
        }
        device.Multiply(w.Projection, WeightSide.Transposed, projection.ColumnRange(first, c.ProjectionWidth - first), normed, k0: first);
        if (first == c.QueryWidth)
        {
            var lastNormed = buffers.LastNormed.RowRange(0, layout.Sequences);
            device.Multiply(w.Projection, WeightSide.Transposed, dq, lastNormed);
            device.ScatterAddRows(lastNormed, layout.LastRows, normed);
        }
        device.NormBackward(normed, w.AttentionScale, a.AttentionXHat, a.AttentionInverseSigma, model.Centred, add: true, gx);
    }

    private static void AccumulateQueries(Transformer model, PassLayout layout, LayerActivations a, BackwardBuffers buffers,
        GradientAccumulators sums, int l, int slot, ReadOnlySpan<float> weights, Tensor dq)
    {
        var (device, c) = (model.Device, model.Config);
        var atZero = AtZero(model, l, 0, c.QueryWidth);
        var alpha = sums.Alpha[l].ColumnRange(0, c.QueryWidth);
        var inverseSigma = a.AttentionInverseSigma;
        var last = l == c.Layers - 1;
        if (last)
        {
            inverseSigma = buffers.LastInverseSigma.RowRange(0, layout.Sequences);
            device.GatherRows(a.AttentionInverseSigma, layout.LastRows, 1, inverseSigma);
        }
        var count = last ? sums.Sequences : sums.Rows;
        var lastRows = layout.LastRows with { Count = count };
        for (var p = 0; p < layout.Points; p++)
        {
            var products = sums.Products(l, slot + p, 0, c.Heads);
            var (alphaRows, productRows) = last ? (buffers.LastAlpha, products.IsNone ? default : buffers.LastProducts) : (alpha, products);
            if (last) device.Fill(alphaRows, 0);
            device.AccumulateSplitGradient(dq.RowRange(p * count, count), a.Query.RowRange(p * count, count), atZero,
                inverseSigma.RowRange(p * count, count), c.Width, c.HeadDim, 1, weights[p], alphaRows, productRows);
            if (!last) continue;
            device.ScatterAddRows(alphaRows, lastRows, alpha);
            if (!products.IsNone) device.ScatterAddRows(productRows, lastRows, products);
        }
    }

    private static void AccumulateKeysOrValues(Transformer model, PassLayout layout, Tensor projection, Tensor gradient, int which,
        LayerActivations a, GradientAccumulators sums, int l, int slot, ReadOnlySpan<float> weights)
    {
        var c = model.Config;
        var atZero = AtZero(model, l, c.QueryWidth + (which - 1) * c.KeyWidth, c.KeyWidth);
        for (var p = 0; p < layout.Points; p++)
        {
            var start = p * sums.Rows;
            model.Device.AccumulateSplitGradient(gradient.RowRange(start, sums.Rows), projection.RowRange(start, sums.Rows), atZero,
                a.AttentionInverseSigma.RowRange(start, sums.Rows), c.Width, c.HeadDim, c.Group, weights[p],
                sums.Alpha[l].ColumnRange(which * c.QueryWidth, c.QueryWidth),
                sums.Products(l, slot + p, which * c.Heads, c.Heads));
        }
    }

    private static Tensor AtZero(Transformer model, int l, int start, int count)
    {
        var all = model.Layers[l].ProjectionAtZero;
        return all.IsNone ? all : all.ColumnRange(start, count);
    }
}
