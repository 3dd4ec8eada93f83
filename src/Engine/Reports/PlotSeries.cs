namespace Faith.Engine.Reports;

/// <summary>A line of a plot.</summary>
/// <param name="Name">Its name in the legend.</param>
/// <param name="X">Where its points are, ascending.</param>
/// <param name="Y">Their values; one that is not finite leaves a gap.</param>
/// <param name="Low">The lower end of a band around each value, or null.</param>
/// <param name="High">The upper end, or null.</param>
public sealed record PlotSeries(
    string Name,
    IReadOnlyList<double> X,
    IReadOnlyList<double> Y,
    IReadOnlyList<double>? Low = null,
    IReadOnlyList<double>? High = null);
