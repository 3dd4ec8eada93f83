namespace Faith.Engine.Sweeps;

/// <summary>A column of a merged sweep: one of its three kinds of value.</summary>
/// <param name="Name">Its name.</param>
/// <param name="OfText">Texts, or null where it holds others.</param>
/// <param name="OfWhole">Whole numbers, or null where it holds others.</param>
/// <param name="OfNumber">Numbers, or null where it holds others.</param>
public sealed record MergedColumn(string Name, Func<MergedRow, string?>? OfText, Func<MergedRow, int?>? OfWhole, Func<MergedRow, double>? OfNumber)
{
    /// <summary>A column of texts; null where there is none.</summary>
    public static MergedColumn Text(string name, Func<MergedRow, string?> value) => new(name, value, null, null);

    /// <summary>A column of whole numbers; null where there is none.</summary>
    public static MergedColumn Whole(string name, Func<MergedRow, int?> value) => new(name, null, value, null);

    /// <summary>A column of numbers; NaN where there is none.</summary>
    public static MergedColumn Number(string name, Func<MergedRow, double> value) => new(name, null, null, value);
}
