namespace Faith.Engine.Sweeps;

/// <summary>
/// A part of a sweep: the cells are cut into as many neighbouring runs of equal number as there are parts, so that a part has few models to load.
/// </summary>
/// <param name="Index">Which, from 0; the number of parts stands for 0 too, so that counting from 1 does as well.</param>
/// <param name="Count">Of how many.</param>
public readonly record struct SweepShard(int Index, int Count)
{
    /// <summary>The cells of this part.</summary>
    public IReadOnlyList<T> Of<T>(IReadOnlyList<T> cells)
    {
        ArgumentNullException.ThrowIfNull(cells);
        var part = Index % Count;
        var (from, to) = ((long)cells.Count * part / Count, (long)cells.Count * (part + 1) / Count);
        return [.. cells.Skip((int)from).Take((int)(to - from))];
    }
}
