using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>Where a layer's queries, keys and values go as projected: before norm and rotation.</summary>
/// <param name="Together">All of them side by side, or where queries have other rows keys and values.</param>
/// <param name="Query">[query rows × H·d_head].</param>
/// <param name="Key">[rows × Hkv·d_head].</param>
/// <param name="Value">[rows × Hkv·d_head].</param>
internal readonly record struct Projection(Tensor Together, Tensor Query, Tensor Key, Tensor Value)
{
    /// <summary>Lays out a layer's.</summary>
    public static Projection Lay(Arena arena, ModelConfig c, Rows rows, int l) => rows.IsNarrow(l)
        ? Narrow(c, arena.Matrix(rows.All, 2 * c.KeyWidth), arena.Matrix(rows.Sequences, c.QueryWidth))
        : Whole(c, arena.Matrix(rows.All, c.ProjectionWidth));

    /// <summary>In memory [rows × projection] and [sequences × H·d_head] for the projection of any layer.</summary>
    public static Projection In(ModelConfig c, Rows rows, int l, Tensor all, Tensor lastQuery) => rows.IsNarrow(l)
        ? Narrow(c, all.ColumnRange(c.QueryWidth, 2 * c.KeyWidth), lastQuery)
        : Whole(c, all);

    /// <summary>The same memory for a smaller pass.</summary>
    public Projection First(Rows rows, int l) =>
        new(Together.RowRange(0, rows.All), Query.RowRange(0, rows.Of(l)), Key.RowRange(0, rows.All), Value.RowRange(0, rows.All));

    private static Projection Whole(ModelConfig c, Tensor all) =>
        new(all, all.ColumnRange(0, c.QueryWidth), all.ColumnRange(c.QueryWidth, c.KeyWidth), all.ColumnRange(c.QueryWidth + c.KeyWidth, c.KeyWidth));

    private static Projection Narrow(ModelConfig c, Tensor keysAndValues, Tensor query) =>
        new(keysAndValues, query, keysAndValues.ColumnRange(0, c.KeyWidth), keysAndValues.ColumnRange(c.KeyWidth, c.KeyWidth));
}
