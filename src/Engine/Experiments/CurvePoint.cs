using System.Globalization;
using System.Text;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;

namespace Faith.Engine.Experiments;

/// <summary>One circuit of a curve.</summary>
/// <param name="Selected">Edges, nodes or neurons asked for.</param>
/// <param name="Circuit">What pruning left of them.</param>
/// <param name="Result">What it keeps.</param>
/// <param name="Ranking">What edges were ranked by, where a curve has several rankings.</param>
public sealed record CurvePoint(int Selected, Circuit Circuit, Faithfulness Result, string? Ranking)
{
    /// <summary>Nodes of the circuit.</summary>
    public int Nodes => Circuit.NodesInCircuit().Count(inside => inside);

    /// <summary>Points as CSV; a column for the ranking only where there are several.</summary>
    public static string Csv(IReadOnlyList<CurvePoint> points)
    {
        var ranked = points[0].Ranking is not null;
        var csv = new StringBuilder("selected,edges,nodes,circuit,clean,corrupted,faithfulness").Append(ranked ? ",ranked_by\n" : "\n");
        foreach (var p in points)
        {
            var r = p.Result;
            csv.Append(CultureInfo.InvariantCulture, $"{p.Selected},{p.Circuit.EdgeCount},{p.Nodes},");
            csv.Append($"{Figures.Exact(r.CircuitMean)},{Figures.Exact(r.CleanMean)},{Figures.Exact(r.CorruptedMean)},{(r.Undefined is null ? Figures.Exact(r.Normalised) : "")}");
            csv.Append(ranked ? $",{p.Ranking}\n" : "\n");
        }
        return csv.ToString();
    }

    /// <summary>Its place on a plot: its neurons where it has only some, else its edges.</summary>
    private int Size => Circuit.Neurons?.Count ?? Circuit.EdgeCount;

    /// <summary>Points as a plot, a line for every ranking.</summary>
    public static string Plot(string title, string name, IReadOnlyList<CurvePoint> points) => new CurvePlot
    {
        Title = $"{title}{FaithfulnessText.IfUndefined(points[0].Result)}",
        XLabel = points[0].Circuit.Neurons is null ? "edges" : "neurons",
        Series = [.. points.GroupBy(p => p.Ranking).Select(group => Series(group.Key is { } ranking ? $"{name}, by {ranking}" : name, group))],
        Levels = [(1, "whole model"), (0, "corrupted run")],
    }.ToSvg();

    // Several sizes may be pruned to the same circuit: one point each. The axis is logarithmic and has no place for none.
    private static PlotSeries Series(string name, IEnumerable<CurvePoint> points)
    {
        var distinct = points.DistinctBy(p => p.Size).OrderBy(p => p.Size).ToArray();
        return new(name, [.. distinct.Select(p => (double)p.Size)], [.. distinct.Select(p => p.Result.Normalised)]);
    }
}
