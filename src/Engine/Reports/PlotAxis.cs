using System.Globalization;

namespace Faith.Engine.Reports;

/// <summary>An axis of a plot: values to pixels, and where its ticks are.</summary>
internal sealed class PlotAxis
{
    private readonly double low, high, from, to;

    /// <summary>An axis over these values.</summary>
    /// <param name="from">The pixel of the low end.</param>
    /// <param name="to">The pixel of the high end.</param>
    /// <param name="logarithmic">Only positive values, by their logarithm.</param>
    /// <param name="margin">Share of the range left free at either end.</param>
    public PlotAxis(IEnumerable<double> values, double from, double to, bool logarithmic, double margin)
    {
        (Logarithmic, this.from, this.to) = (logarithmic, from, to);
        (low, high) = (double.PositiveInfinity, double.NegativeInfinity);
        foreach (var value in values.Where(Shows)) (low, high) = (Math.Min(low, Scale(value)), Math.Max(high, Scale(value)));
        if (low > high) (low, high) = (0, 1);
        // A single value stands in the middle of a range around it.
        var room = high > low ? (high - low) * margin : logarithmic ? 0.5 : Math.Max(Math.Abs(low) * 0.1, 1e-3);
        (low, high) = (low - room, high + room);
    }

    public bool Logarithmic { get; }

    /// <summary>True for a value that the axis can show.</summary>
    public bool Shows(double value) => double.IsFinite(value) && (!Logarithmic || value > 0);

    /// <summary>The pixel of a value.</summary>
    public double At(double value) => from + (to - from) * ((Scale(value) - low) / (high - low));

    /// <summary>Values to mark, with their labels (empty for a mark without one).</summary>
    public IEnumerable<(double Value, string Label)> Ticks() => Logarithmic && high - low > 0.7 ? LogarithmicTicks() : LinearTicks();

    private IEnumerable<(double Value, string Label)> LogarithmicTicks()
    {
        // All of 1, 2, 5 are labelled where there is room for it, else the powers of ten, or every other one.
        var decades = high - low;
        var every = (int)Math.Ceiling(decades / 8);
        for (var power = (int)Math.Floor(low); power <= high; power++)
        {
            for (var digit = 1; digit <= 9; digit++)
            {
                var value = digit * Math.Pow(10, power);
                if (Scale(value) < low - 1e-9 || Scale(value) > high + 1e-9) continue;
                var labelled = digit == 1 ? power % every == 0 : decades <= 3.6 && digit is 2 or 5;
                yield return (value, labelled ? Label(value) : "");
            }
        }
    }

    private IEnumerable<(double Value, string Label)> LinearTicks()
    {
        double least = Unscale(low), most = Unscale(high);
        var rough = (most - least) / 8;
        var unit = Math.Pow(10, Math.Floor(Math.Log10(rough)));
        var step = unit * ((rough / unit) switch { <= 1 => 1, <= 2 => 2, <= 5 => 5, _ => 10 });
        for (var k = Math.Ceiling(least / step); k * step <= most; k++) yield return (k * step, Label(k * step));
    }

    private double Scale(double value) => Logarithmic ? Math.Log10(value) : value;

    private double Unscale(double scaled) => Logarithmic ? Math.Pow(10, scaled) : scaled;

    // Six digits hide what rounding adds to multiples of a step.
    private static string Label(double value)
    {
        if (Math.Abs(value) < 1e-12) return "0";
        var format = Math.Abs(value) is >= 1e3 and < 1e9 ? "#,0.###" : "G6";
        return value.ToString(format, CultureInfo.InvariantCulture).Replace('-', '\u2212');
    }
}
