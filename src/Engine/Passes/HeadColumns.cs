using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Which columns of a matrix with a block for every head belong to a block of another: that of the head that a list gives for it, or without a list of
/// all heads in turn, where neighbours share one if there are more blocks than heads.
/// </summary>
internal static class HeadColumns
{
    /// <summary>The columns of <paramref name="all"/> that belong to a block.</summary>
    /// <param name="all">[rows × heads·width].</param>
    /// <param name="width">Columns of a head.</param>
    /// <param name="block">The block.</param>
    /// <param name="blocks">How many there are.</param>
    /// <param name="heads">The head of each, or none.</param>
    public static Tensor Of(Tensor all, int width, int block, int blocks, ReadOnlySpan<int> heads) =>
        all.ColumnRange((heads.IsEmpty ? block / (blocks * width / all.Columns) : heads[block]) * width, width);
}
