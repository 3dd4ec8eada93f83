using Faith.Engine.Graphs;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// The heads of a layer whose queries, and keys, are normed all together (<see cref="Models.QueryKeyNorm.Layer"/>), where one head reads other
/// queries or keys than a run's: this changes those of all heads. Memory for one layer at a time.
/// </summary>
internal sealed class JoinedHeads(Transformer model, Arena arena, Rows rows)
{
    private readonly Tensor changed = arena.Matrix(rows.All, model.Config.QueryWidth);
    private readonly Tensor values = model.Config.Group == 1 ? default : arena.Matrix(rows.All, model.Config.QueryWidth);

    /// <summary>Memory for them, or null where heads have nothing to do with each other.</summary>
    public static JoinedHeads? Of(Transformer model, Arena arena, Rows rows) => model.HasJoinedHeads ? new(model, arena, rows) : null;

    /// <summary>The contexts of all heads.</summary>
    /// <param name="l">The layer.</param>
    /// <param name="layout">The rows.</param>
    /// <param name="prefix">Keys and values before them.</param>
    /// <param name="a">The run.</param>
    /// <param name="kind">Queries or keys.</param>
    /// <param name="head">The head that reads others.</param>
    /// <param name="projected">These, as projected [rows × d_head].</param>
    /// <param name="context">The contexts.</param>
    /// <param name="normalizers">What attention leaves behind.</param>
    public void Attend(int l, PassLayout layout, PrefixCache prefix, LayerActivations a, InputKind kind, int head, Tensor projected, Tensor context, Tensor normalizers)
    {
        var (device, attention, dh) = (model.Device, model.AttentionBlock(l), model.Config.HeadDim);
        var all = changed.RowRange(0, projected.Rows);
        if (kind == InputKind.Query) device.Copy(a.Projected.Query, all);
        else attention.CopyHeads(a.Projected.Key, all);
        device.Copy(projected, all.ColumnRange(head * dh, dh));
        if (kind == InputKind.Query)
        {
            attention.Attend(layout, prefix, attention.Finish(kind, all, layout.QueryAngles(l), all), a.FinalKey, a.Projected.Value, context, normalizers);
            return;
        }
        attention.FinishCopies(all, layout.Angles);
        if (!values.IsNone) attention.CopyHeads(a.Projected.Value, values);
        attention.AttendCopies(layout.Queries(l), a.FinalQuery, all, values.IsNone ? a.Projected.Value : values, prefix.Keys[l], prefix.Values[l], context, normalizers);
    }
}
