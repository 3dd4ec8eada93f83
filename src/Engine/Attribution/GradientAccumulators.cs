using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>The gradients that all edge scores are contracted from: what method.md §3 accumulates over the steps.</summary>
internal sealed class GradientAccumulators : GradientHook
{
    private readonly Transformer model;
    private readonly Rows rows;

    // Of queries that exist in last rows only.
    private readonly Tensor lastAlpha;
    private readonly Tensor lastProducts;
    private readonly Tensor lastInverseSigma;

    private PassLayout? layout;
    private int slot;
    private float[] weights = [];

    /// <summary>Lays out accumulators for passes over at most <paramref name="points"/> copies of some rows.</summary>
    public GradientAccumulators(Transformer model, Arena arena, Rows rows, int points, int steps, GradientRule rule)
    {
        var c = model.Config;
        (this.model, this.rows, Capacity, HoldsSteps) = (model, rows, steps, c.NormsInputs && !rule.HoldsSigma);
        Alpha = new Tensor[c.Layers];
        NormalizedInputs = new Tensor[c.Layers];
        StepProducts = new Tensor[c.Layers];
        for (var l = 0; l < c.Layers; l++)
        {
            Alpha[l] = arena.Matrix(rows.All, 3 * c.QueryWidth);
            if (!HoldsSteps) continue;
            NormalizedInputs[l] = arena.Matrix(checked(steps * rows.All), c.Width);
            StepProducts[l] = arena.Matrix(steps * rows.All, 3 * c.Heads);
        }
        MlpGradient = rows.Matrices(arena, c.Width);
        LogitsGradient = arena.Matrix(rows.Sequences, c.Width);
        lastAlpha = arena.Matrix(rows.Sequences, c.QueryWidth);
        lastProducts = HoldsSteps ? arena.Matrix(rows.Sequences, c.Heads) : default;
        lastInverseSigma = arena.Matrix(rows.Sequences * points, 1);
    }

    /// <summary>Steps that fit before a contraction must empty the accumulators.</summary>
    public int Capacity { get; }
    /// <summary>True where x̂ and s of every step are held; a rule with σ constant, and a projection without a norm before it, has no use for them.</summary>
    public bool HoldsSteps { get; }
    public Tensor[] Alpha { get; }
    /// <summary>The x̂ of the steps, none where they are not held.</summary>
    public Tensor[] NormalizedInputs { get; }
    /// <summary>The s of the steps, none where they are not held.</summary>
    public Tensor[] StepProducts { get; }
    public Tensor[] MlpGradient { get; }
    public Tensor LogitsGradient { get; }

    /// <summary>Where the forward pass of some steps leaves the x̂ of a layer, or none.</summary>
    public Tensor XHat(int l, int slot, PassLayout layout) => HoldsSteps ? NormalizedInputs[l].RowRange(slot * rows.All, layout.Rows.All) : default;

    /// <summary>Empties what a contraction has used.</summary>
    public void Clear()
    {
        var device = model.Device;
        foreach (var t in Alpha) device.Fill(t, 0);
        foreach (var t in MlpGradient) device.Fill(t, 0);
        if (HoldsSteps) device.Fill(StepProducts[^1], 0);
        device.Fill(LogitsGradient, 0);
    }

    /// <summary>Says that the points of the next pass are steps slot, slot + 1, … with the given weights.</summary>
    public void Expect(PassLayout layout, int slot, float[] weights) => (this.layout, this.slot, this.weights) = (layout, slot, weights);

    public override void Logits(Tensor gradient) => Add(rows.Layers, gradient, LogitsGradient);

    public override void MlpInput(int l, Tensor gradient) => Add(l, gradient, MlpGradient[l]);

    public override void Projection(int l, LayerActivations a, in SplitGradients gradients)
    {
        if (!gradients.Query.IsNone)
        {
            if (rows.IsNarrow(l)) AddNarrowQueries(l, a, gradients.Query);
            else AddSplit(l, InputKind.Query, a.Projected.Query, gradients.Query, a);
            AddSplit(l, InputKind.Key, a.Projected.Key, gradients.Key, a);
        }
        AddSplit(l, InputKind.Value, a.Projected.Value, gradients.Value, a);
    }

    private void Add(int l, Tensor gradient, Tensor sum)
    {
        for (var p = 0; p < weights.Length; p++) model.Device.AddScaled(rows.Point(gradient, l, p), weights[p], sum);
    }

    private void AddSplit(int l, InputKind kind, Tensor projected, Tensor gradient, LayerActivations a)
    {
        var (c, which) = (model.Config, (int)kind);
        var atZero = model.AttentionBlock(l).AtZero(model.AttentionBlock(l).ColumnOf(kind, 0), projected.Columns);
        for (var p = 0; p < weights.Length; p++)
        {
            var start = p * rows.All;
            model.Device.AccumulateSplitGradient(gradient.RowRange(start, rows.All), projected.RowRange(start, rows.All), atZero,
                a.AttentionInverseSigma.RowRange(start, rows.All), c.Width, c.HeadDim, kind == InputKind.Query ? 1 : c.Group, weights[p],
                Alpha[l].ColumnRange(which * c.QueryWidth, c.QueryWidth), Products(l, p, which));
        }
    }

    private void AddNarrowQueries(int l, LayerActivations a, Tensor gradient)
    {
        var (device, c, count) = (model.Device, model.Config, rows.Sequences);
        var atZero = model.AttentionBlock(l).AtZero(0, c.QueryWidth);
        var inverseSigma = lastInverseSigma.RowRange(0, gradient.Rows);
        device.GatherRows(a.AttentionInverseSigma, layout!.LastRows, 1, inverseSigma);
        var lastRows = layout.LastRows with { Count = count };
        for (var p = 0; p < weights.Length; p++)
        {
            device.Fill(lastAlpha, 0);
            device.AccumulateSplitGradient(gradient.RowRange(p * count, count), a.Projected.Query.RowRange(p * count, count), atZero,
                inverseSigma.RowRange(p * count, count), c.Width, c.HeadDim, 1, weights[p], lastAlpha, lastProducts);
            device.ScatterAddRows(lastAlpha, lastRows, Alpha[l].ColumnRange(0, c.QueryWidth));
            if (HoldsSteps) device.ScatterAddRows(lastProducts, lastRows, Products(l, p, 0));
        }
    }

    /// <summary>The s of all heads' q, k or v at a point of the pass [rows × H], or none where they are not held.</summary>
    private Tensor Products(int l, int point, int which) =>
        HoldsSteps ? StepProducts[l].RowRange((slot + point) * rows.All, rows.All).ColumnRange(which * model.Config.Heads, model.Config.Heads) : default;
}
