using System.Globalization;

namespace Faith.Engine;

/// <summary>Numbers as every output writes them: with a point in every country, never as −0, and a dash for what is not a number.</summary>
public static class Figures
{
    /// <summary>What stands where there is no number.</summary>
    public const string None = "–";

    private const double LargestFixed = 1e7;

    /// <summary>The fewest digits that read back as the same double.</summary>
    public static string Exact(double value) => WithoutMinusZero(value).ToString("R", CultureInfo.InvariantCulture);

    /// <summary>The same for a cell of a CSV table, which is empty where there is no number.</summary>
    public static string Cell(double value) => double.IsFinite(value) ? Exact(value) : "";

    /// <summary>So many decimals; of numbers too large for that, four digits and an exponent.</summary>
    public static string Fixed(double value, int decimals = 4)
    {
        if (!double.IsFinite(value)) return None;
        if (Math.Abs(value) >= LargestFixed) return Short(value);
        return WithoutMinusZero(Math.Round(value, decimals)).ToString($"F{decimals}", CultureInfo.InvariantCulture);
    }

    /// <summary>Four significant digits.</summary>
    public static string Short(double value) => double.IsFinite(value) ? WithoutMinusZero(value).ToString("G4", CultureInfo.InvariantCulture) : None;

    /// <summary>A share in percent: 0.125 as 12.5%.</summary>
    public static string Percent(double share, int decimals = 0) => double.IsFinite(share) ? $"{Fixed(100 * share, decimals)}%" : None;

    /// <summary>A size in bytes: 548 MB.</summary>
    public static string Bytes(long bytes)
    {
        const double thousand = 1000;
        string[] units = ["bytes", "KB", "MB", "GB", "TB"];
        var (size, unit) = ((double)bytes, 0);
        for (; size >= thousand && unit < units.Length - 1; unit++) size /= thousand;
        return $"{Math.Round(size, unit > 0 && size < 10 ? 1 : 0).ToString(CultureInfo.InvariantCulture)} {units[unit]}";
    }

    /// <summary>The same number, and 0 for −0.</summary>
    public static double WithoutMinusZero(double value) => value == 0 ? 0 : value;
}
