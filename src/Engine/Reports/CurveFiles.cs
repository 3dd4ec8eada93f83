using System.Globalization;
using System.Text;
using Faith.Engine.Experiments;

namespace Faith.Engine.Reports;

/// <summary>The files of a curve: a table and a plot.</summary>
public static class CurveFiles
{
    /// <summary>Points as CSV; a column for the ranking only where there are several, and of intervals where they were asked for.</summary>
    public static string Csv(IReadOnlyList<CurvePoint> points)
    {
        var ranked = points[0].Ranking is not null;
        var intervals = points[0].Interval is not null;
        var csv = new StringBuilder("selected,edges,nodes,circuit,clean,corrupted,faithfulness").Append(intervals ? ",faithfulness_low,faithfulness_high" : "").Append(ranked ? ",ranked_by\n" : "\n");
        foreach (var p in points)
        {
            var r = p.Result;
            csv.Append(CultureInfo.InvariantCulture, $"{p.Selected},{p.Edges},{p.Nodes},");
            csv.Append($"{Figures.Exact(r.CircuitMean)},{Figures.Exact(r.CleanMean)},{Figures.Exact(r.CorruptedMean)},{Figures.Cell(r.Normalised)}");
            if (p.Interval is { } interval) csv.Append($",{Figures.Cell(interval.Low)},{Figures.Cell(interval.High)}");
            csv.Append(ranked ? $",{p.Ranking}\n" : "\n");
        }
        return csv.ToString();
    }

    /// <summary>Points as a plot, a line for every ranking.</summary>
    public static string Plot(string title, string name, IReadOnlyList<CurvePoint> points) => new CurvePlot
    {
        Title = $"{title}{FaithfulnessText.IfUndefined(points[0].Result)}",
        XLabel = points[0].Neurons is null ? "edges" : "neurons",
        Series = [.. points.GroupBy(p => p.Ranking).Select(group => Series(group.Key is { } ranking ? $"{name}, by {ranking}" : name, group))],
        Levels = [(1, "whole model"), (0, "corrupted run")],
    }.ToSvg();

    // Several sizes may be pruned to the same circuit: one point each. The axis is logarithmic and has no place for none.
    private static PlotSeries Series(string name, IEnumerable<CurvePoint> points)
    {
        var distinct = points.DistinctBy(Size).OrderBy(Size).ToArray();
        return new(name, [.. distinct.Select(p => (double)Size(p))], [.. distinct.Select(p => p.Result.Normalised)]);
    }

    /// <summary>A point's place on a plot: its neurons where it has only some, else its edges.</summary>
    private static int Size(CurvePoint point) => point.Neurons ?? point.Edges;
}
