using Faith.Engine.Graphs;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The heads of a layer (method.md §8), forwards and backwards: y = N_in(x); q, k, v = y·W + b; q and k with positions, normed and rotated; c = attend(q, k, v);
/// o = c·W_O + b_O, and N_post(o) is added to the stream.
/// </summary>
internal readonly struct AttentionBlock(Transformer model, int l)
{
    private TransformerLayer Weights => model.Layers[l];

    /// <summary>The norm before the projection.</summary>
    public Norm Norm => Weights.AttentionNorm;

    /// <summary>Norm and projection of the stream; returns the stream that the layer goes on with.</summary>
    public Tensor Project(PassLayout layout, Activations run, Tensor x)
    {
        var a = run.Layers[l];
        if (!a.KeptAttentionStream.IsNone) model.Device.Copy(x, a.KeptAttentionStream);
        Norm.Forward(x, run.Normed.All, a.AttentionXHat, a.AttentionInverseSigma);
        Project(layout, run.Normed.All, run.Normed.Last, a.Projected);
        return layout.Narrow(model.Device, l, x, run.Stream.Last);
    }

    /// <summary>Queries, keys and values, as projected, of what the norm put out; in <paramref name="last"/> the rows of it that queries have.</summary>
    public void Project(PassLayout layout, Tensor normed, Tensor last, in Projection to)
    {
        if (!layout.Rows.IsNarrow(l))
        {
            Multiply(normed, to.Together, 0);
            return;
        }
        Multiply(normed, to.Together, model.Config.QueryWidth);
        Multiply(layout.Narrow(model.Device, l, normed, last), to.Query, 0);
    }

    /// <summary>y = the columns of the projection from <paramref name="first"/> on.</summary>
    public void Multiply(Tensor normed, Tensor y, int first) => model.Device.Multiply(Weights.Projection, WeightSide.Forward, normed, y, Bias(first, y.Columns), n0: first);

    /// <summary>Where in the projection the query, key or value of a head stands; heads that share keys and values share these.</summary>
    public int ColumnOf(InputKind kind, int head) => kind switch
    {
        InputKind.Query => head * model.Config.HeadDim,
        InputKind.Key => model.Config.QueryWidth + head / model.Config.Group * model.Config.HeadDim,
        _ => model.Config.QueryWidth + model.Config.KeyWidth + head / model.Config.Group * model.Config.HeadDim,
    };

    /// <summary>The bias of some columns of the projection, or none.</summary>
    public Tensor Bias(int first, int columns) => Columns(Weights.ProjectionBias, first, columns);

    /// <summary>The projection at x̂ = 0 (b′ of method.md §3) in some columns, or none.</summary>
    public Tensor AtZero(int first, int columns) => Columns(Weights.ProjectionAtZero, first, columns);

    /// <summary>Queries or keys of any heads, or where these are normed together of all, as attention sees them, with their positions, normed and rotated: in y, or where nothing is done to them x itself.</summary>
    /// <param name="kind">Which of the two.</param>
    /// <param name="x">As projected.</param>
    /// <param name="angles">Where the angles of each row stand, or its position.</param>
    /// <param name="y">May be x.</param>
    /// <param name="trace">Where the norm leaves what its gradient needs.</param>
    /// <param name="heads">Of which heads x is, of keys those that have them; none: of all, one after another.</param>
    public Tensor Finish(InputKind kind, Tensor x, Indices angles, Tensor y, NormTrace trace = default, ReadOnlySpan<int> heads = default) =>
        kind == InputKind.Query ? Finish(Weights.QueryNorm, Weights.QueryPositions, x, angles, y, trace, heads) : Finish(Weights.KeyNorm, Weights.KeyPositions, x, angles, y, trace, heads);

    /// <summary>Copies of the keys of all query heads as attention sees them, in the place of x.</summary>
    public void FinishCopies(Tensor x, Indices angles, NormTrace trace = default) => Finish(Weights.CopiedKeyNorm, Weights.KeyPositions, x, angles, x, trace, []);

    private Tensor Finish(HeadNorm? norm, Tensor positions, Tensor x, Indices angles, Tensor y, NormTrace trace, ReadOnlySpan<int> heads)
    {
        if (!positions.IsNone)
        {
            if (x != y) model.Device.Copy(x, y);
            AddPositions(positions, angles, y, heads);
            x = y;
        }
        if (norm is { } some)
        {
            some.Forward(x, y, trace, heads);
            x = y;
        }
        if (model.Angles(l) is not { } table) return x;
        table.Rotate(model.Device, x, angles, model.Config.HeadDim, inverse: false, y);
        return y;
    }

    // A constant of every row: gradients go through it unchanged.
    private void AddPositions(Tensor positions, Indices rows, Tensor y, ReadOnlySpan<int> heads)
    {
        if (heads.IsEmpty && y.Columns == positions.Columns)
        {
            model.Device.GatherRows(positions, rows, 1, y, add: true);
            return;
        }
        var (width, blocks) = (model.Config.HeadDim, y.Columns / model.Config.HeadDim);
        for (var i = 0; i < blocks; i++) model.Device.GatherRows(HeadColumns.Of(positions, width, i, blocks, heads), rows, 1, y.ColumnRange(i * width, width), add: true);
    }

    /// <summary>y = x [rows × Hkv·d_head] with what query heads share once for each of them [rows × H·d_head].</summary>
    public void CopyHeads(Tensor x, Tensor y)
    {
        var dh = model.Config.HeadDim;
        for (var h = 0; h < model.Config.Heads; h++) model.Device.Copy(x.ColumnRange(h / model.Config.Group * dh, dh), y.ColumnRange(h * dh, dh));
    }

    /// <summary>The queries and keys of a pass as attention sees them. Where layers share memory it is not said that they stand in that of the final ones.</summary>
    public (Tensor Query, Tensor Key) Finish(PassLayout layout, LayerActivations a) =>
        (Finish(InputKind.Query, a.Projected.Query, layout.QueryAngles(l), a.FinalQuery, a.QueryNorm),
            Finish(InputKind.Key, a.Projected.Key, layout.Angles, a.FinalKey, a.KeyNorm));

    /// <summary>The contexts c of rotated queries and keys, and what the backward pass needs of the softmax.</summary>
    public void Attend(PassLayout layout, PrefixCache prefix, Tensor q, Tensor k, Tensor v, Tensor context, Tensor normalizers) =>
        model.Device.AttentionForward(layout.Queries(l), model.Attention(l), q, k, v, prefix.Keys[l], prefix.Values[l], context, normalizers);

    /// <summary>
    /// The same of copies of heads side by side, each with keys and values of its own after the prefix; there, a head or several in turn share
    /// those of one key head. They are the model's heads from <paramref name="head"/> on; where scores have no biases, any will do.
    /// </summary>
    public void AttendCopies(Ragged queries, Tensor q, Tensor k, Tensor v, Tensor prefixKeys, Tensor prefixValues, Tensor context, Tensor normalizers, int head = 0)
    {
        var group = prefixKeys.IsNone ? 1 : q.Columns / prefixKeys.Columns;
        var shape = model.Attention(l) with { Heads = q.Columns / model.Config.HeadDim, SuffixGroup = 1, PrefixGroup = group };
        if (!shape.Bias.IsNone) shape = shape with { Bias = shape.Bias.RowRange(head, shape.Heads) };
        model.Device.AttentionForward(queries, shape, q, k, v, prefixKeys, prefixValues, context, normalizers);
    }

    /// <summary>Columns of the projection of mixed streams after the norm, as <paramref name="products"/> say; <paramref name="memory"/> is for the mixed rows.</summary>
    public void ProjectMixed(in NormedMix mix, MixedProduct[] products, Tensor memory) => model.Device.MultiplyMixed(mix, Weights.Projection, products, memory);

    /// <summary>The norm of what all heads put out together; mostly there is none.</summary>
    public Norm OutputNorm => Weights.AttentionOutputNorm;

    /// <summary>x += N_post(c·W_O + b_O): what the layer's heads add to the stream.</summary>
    public void AddOutput(Activations run, Tensor x, PassHook? hook)
    {
        var (device, a) = (model.Device, run.Layers[l]);
        if (OutputNorm.IsNone)
        {
            device.Multiply(Weights.Output, WeightSide.Forward, a.Context, x, Weights.OutputBias, add: true);
            return;
        }
        var output = run.BlockOutput.RowRange(0, x.Rows);
        device.Multiply(Weights.Output, WeightSide.Forward, a.Context, output, Weights.OutputBias);
        hook?.AttentionOutput(l, output);
        if (!a.KeptAttentionOutput.IsNone) device.Copy(output, a.KeptAttentionOutput);
        OutputNorm.Forward(output, output, a.AttentionOutputXHat, a.AttentionOutputInverseSigma);
        device.AddScaled(output, 1, x);
    }

    /// <summary>x = (or += with <paramref name="add"/>) what one head puts out, given its columns of the context.</summary>
    public void HeadOutput(Tensor context, int head, Tensor x, bool add) =>
        model.Device.Multiply(Weights.Output, WeightSide.Forward, context, x, add: add, k0: head * model.Config.HeadDim);

    /// <summary>x = (or += with <paramref name="add"/>) c·W_O, without b_O: what all heads put out together.</summary>
    public void HeadOutputs(Tensor context, Tensor x, bool add = false) => model.Device.Multiply(Weights.Output, WeightSide.Forward, context, x, add: add);

    /// <summary>The gradient at the contexts, of one at the stream.</summary>
    public Tensor OutputBackward(LayerActivations a, Tensor gx, BackwardBuffers buffers, GradientHook hook)
    {
        if (!OutputNorm.IsNone)
        {
            var output = buffers.Normed.All.RowRange(0, gx.Rows);
            OutputNorm.Backward(gx, a.AttentionOutputXHat, a.AttentionOutputInverseSigma, add: false, output);
            hook.AttentionOutput(l, output);
            gx = output;
        }
        var context = buffers.Context.RowRange(0, gx.Rows);
        model.Device.Multiply(Weights.Output, WeightSide.Transposed, gx, context);
        return context;
    }

    /// <summary>The gradients at every head's own q, k and v as projected, of one at the contexts; where the rule takes the pattern for a constant at the values alone.</summary>
    public SplitGradients AttendBackward(PassLayout layout, PrefixCache prefix, GradientRule rule, LayerActivations a, Tensor context, BackwardBuffers buffers)
    {
        var (device, c) = (model.Device, model.Config);
        var split = buffers.SplitProjection.RowRange(0, layout.Rows.All);
        var g = new SplitGradients(layout.Rows.IsNarrow(l) ? buffers.LastQuery.RowRange(0, layout.Rows.Sequences) : split.ColumnRange(0, c.QueryWidth),
            split.ColumnRange(c.QueryWidth, c.QueryWidth), split.ColumnRange(2 * c.QueryWidth, c.QueryWidth));
        if (rule.Pattern == PatternRule.Softened) SoftenedBackward(layout, prefix, a, context, g, buffers);
        if (rule.Pattern == PatternRule.Derivative)
        {
            device.AttentionBackward(layout.Queries(l), model.Attention(l), a.FinalQuery, a.FinalKey, a.Projected.Value,
                prefix.Keys[l], prefix.Values[l], a.Context, a.Normalizers, context, g.Query, g.Key, g.Value);
        }
        else
        {
            device.AttentionBackward(layout.Queries(l), model.Attention(l), a.FinalQuery, a.FinalKey, default, prefix.Keys[l], default, default, a.Normalizers, context, default, default, g.Value);
        }
        Share(g.Value, rule.ShareOfValues);
        if (rule.Pattern == PatternRule.Constant) return g with { Query = default, Key = default };
        // The softened softmax goes without 1/T, which its gradients have.
        var share = rule.ShareOfScores * (rule.Pattern == PatternRule.Softened ? GradientRule.Temperature : 1);
        Share(g.Query, share);
        Share(g.Key, share);
        FinishBackward(g.Query, layout.QueryAngles(l), Weights.QueryNorm, a.QueryNorm);
        FinishBackward(g.Key, layout.Angles, Weights.CopiedKeyNorm, CopiedKeys(a.KeyNorm, buffers));
        return g;
    }

    /// <summary>
    /// Sets the gradients at queries and keys of attention at temperature T, whose pattern t and t·v are computed first: ds = t⊙(g − ⟨g, t⟩)/T. What it sets
    /// at the values is of no use.
    /// </summary>
    private void SoftenedBackward(PassLayout layout, PrefixCache prefix, LayerActivations a, Tensor gradient, in SplitGradients g, BackwardBuffers buffers)
    {
        var shape = model.Attention(l).AtTemperature(GradientRule.Temperature);
        var (context, normalizers) = (buffers.SoftenedContext.RowRange(0, gradient.Rows), buffers.SoftenedNormalizers.RowRange(0, gradient.Rows));
        model.Device.AttentionForward(layout.Queries(l), shape, a.FinalQuery, a.FinalKey, a.Projected.Value, prefix.Keys[l], prefix.Values[l], context, normalizers);
        model.Device.AttentionBackward(layout.Queries(l), shape, a.FinalQuery, a.FinalKey, a.Projected.Value, prefix.Keys[l], prefix.Values[l], context, normalizers, gradient,
            g.Query, g.Key, g.Value);
    }

    /// <summary>gx += the gradient through projection and norm; <paramref name="gx"/> has all rows.</summary>
    public void InputBackward(PassLayout layout, LayerActivations a, in SplitGradients g, BackwardBuffers buffers, Tensor gx)
    {
        var (device, c) = (model.Device, model.Config);
        var projection = buffers.Projection.RowRange(0, layout.Rows.All);
        var normed = buffers.Normed.All.RowRange(0, layout.Rows.All);
        // Columns of the projection before this one have no gradient, or one in rows of their own.
        var isNarrow = layout.Rows.IsNarrow(l) && !g.Query.IsNone;
        var first = g.Query.IsNone ? c.QueryWidth + c.KeyWidth : isNarrow ? c.QueryWidth : 0;
        if (c.Group > 1)
        {
            if (first == 0) device.Copy(g.Query, projection.ColumnRange(0, c.QueryWidth));
            if (first <= c.QueryWidth) device.SumHeadGroups(g.Key, c.HeadDim, c.Group, projection.ColumnRange(c.QueryWidth, c.KeyWidth));
            device.SumHeadGroups(g.Value, c.HeadDim, c.Group, projection.ColumnRange(c.QueryWidth + c.KeyWidth, c.KeyWidth));
        }
        device.Multiply(Weights.Projection, WeightSide.Transposed, projection.ColumnRange(first, c.ProjectionWidth - first), normed, k0: first);
        if (isNarrow)
        {
            var last = buffers.Normed.Last.RowRange(0, layout.Rows.Sequences);
            device.Multiply(Weights.Projection, WeightSide.Transposed, g.Query, last);
            device.ScatterAddRows(last, layout.LastRows, normed);
        }
        Norm.Backward(normed, a.AttentionXHat, a.AttentionInverseSigma, add: true, gx);
    }

    /// <summary>The gradient at one head's columns of the contexts, of one at what the head puts out.</summary>
    public void HeadOutputBackward(Tensor gz, int head, Tensor context) =>
        model.Device.Multiply(Weights.Output, WeightSide.Transposed, gz, context, n0: head * model.Config.HeadDim);

    /// <summary>The gradients of <see cref="AttendCopies"/> for a copy of every head at these, as projected: norm and rotation of queries and keys included.</summary>
    public void AttendCopiesBackward(PassLayout layout, PrefixCache prefix, LayerActivations a, Tensor value, Tensor gradient, in SplitGradients g)
    {
        var shape = model.Attention(l) with { SuffixGroup = 1 };
        model.Device.AttentionBackward(layout.Queries(l), shape, a.FinalQuery, a.FinalKey, value, prefix.Keys[l], prefix.Values[l], a.Context, a.Normalizers, gradient, g.Query, g.Key, g.Value);
        FinishBackward(g.Query, layout.QueryAngles(l), Weights.QueryNorm, a.QueryNorm);
        FinishBackward(g.Key, layout.Angles, Weights.CopiedKeyNorm, a.KeyNorm);
    }

    /// <summary>The gradient at what the norm put out [rows × d], of one at the query, key or value of a head as projected.</summary>
    public void ProjectionBackward(Tensor gradient, InputKind kind, int head, Tensor normed) =>
        model.Device.Multiply(Weights.Projection, WeightSide.Transposed, gradient, normed, k0: ColumnOf(kind, head));

    private void Share(Tensor g, float share)
    {
        if (share != 1) model.Device.Scale(g, share);
    }

    private void FinishBackward(Tensor g, Indices angles, HeadNorm? norm, NormTrace trace)
    {
        model.Angles(l)?.Rotate(model.Device, g, angles, model.Config.HeadDim, inverse: true, g);
        norm?.Backward(g, trace);
    }

    // Where all keys are normed together, every copy of a shared key has its part in that.
    private NormTrace CopiedKeys(NormTrace keys, BackwardBuffers buffers)
    {
        if (!model.HasJoinedHeads || model.Config.Group == 1 || keys.XHat.IsNone) return keys;
        var copies = buffers.Projection.RowRange(0, keys.XHat.Rows).ColumnRange(0, model.Config.QueryWidth);
        CopyHeads(keys.XHat, copies);
        return keys with { XHat = copies };
    }

    private static Tensor Columns(Tensor row, int first, int count) => row.IsNone ? row : row.ColumnRange(first, count);
}

/// <summary>Gradients at q, k and v as projected, one block a query head each; none of q and k where patterns are constants.</summary>
internal readonly record struct SplitGradients(Tensor Query, Tensor Key, Tensor Value);
