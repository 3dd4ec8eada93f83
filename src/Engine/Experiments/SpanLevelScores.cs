using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Experiments;

/// <summary>The scores of a file by span at one level, and the circuits that they give: as <see cref="LevelScores"/> of other files.</summary>
/// <param name="Most">How many edges over the spans, or heads and MLPs at spans, there are to select from.</param>
/// <param name="Top">The circuit of a number of them, ranked by score (true) or by |score|.</param>
/// <param name="Threshold">The circuit of those that score a number or more.</param>
public sealed record SpanLevelScores(int Most, Func<int, bool, SpanCircuit> Top, Func<double, bool, SpanCircuit> Threshold)
{
    /// <summary>The scores of a level.</summary>
    /// <param name="select">How a number of edges is selected, one of <see cref="SpanSelection.Names"/>; nodes are selected by score alone.</param>
    /// <exception cref="InputException">The file has none.</exception>
    public static SpanLevelScores Of(SpanScoreFile file, string path, ScoreLevel level, string select)
    {
        ArgumentNullException.ThrowIfNull(file);
        var graph = file.Graph;
        if (level == ScoreLevel.Node)
        {
            var nodes = file.NodeScores ?? throw new InputException($"{path}: the nodes have no scores to select by; faith attribute --positions --level node gives them");
            return new(SpanSelection.NodesOf(graph), (count, signed) => SpanSelection.TopNodes(graph, nodes, count, signed), (least, signed) => SpanSelection.ThresholdNodes(graph, nodes, least, signed));
        }
        var scores = file.Scores ?? throw new InputException($"{path}: the edges have no scores to select by; faith attribute --positions gives them");
        return new(graph.Edges, (count, signed) => SpanSelection.Select(scores, select, count, signed), (least, signed) => SpanSelection.Threshold(scores, least, signed));
    }
}
