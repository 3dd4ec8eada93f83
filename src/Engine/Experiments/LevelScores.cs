using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Experiments;

/// <summary>The scores of a file at one level, and the circuits that they give.</summary>
/// <param name="Most">How many edges, heads and MLPs, or neurons there are to select from.</param>
/// <param name="Top">The circuit of a number of them, ranked by score (true) or by |score|.</param>
/// <param name="Threshold">The circuit of those that score a number or more.</param>
public sealed record LevelScores(int Most, Func<int, bool, Circuit> Top, Func<double, bool, Circuit> Threshold)
{
    /// <summary>The scores of a level.</summary>
    /// <param name="selection">How a number of edges is selected; nodes and neurons are selected by score alone.</param>
    /// <exception cref="InputException">The file has none.</exception>
    public static LevelScores Of(ScoreFile file, string path, ScoreLevel level, EdgeSelection selection)
    {
        var graph = file.Graph;
        if (level == ScoreLevel.Edge)
        {
            var scores = file.Scores ?? throw new InputException($"{path}: the edges have no scores to select by; faith attribute --level edge gives them");
            var method = selection.Method;
            return new(graph.Edges, (count, signed) => method(scores, count, signed), (least, signed) => CircuitSelection.Threshold(scores, least, signed));
        }
        if (level == ScoreLevel.Node)
        {
            // The input belongs to every circuit of nodes.
            var scores = NodeScores(file, path);
            return new(graph.Sources - 1, (count, signed) => CircuitSelection.TopNodes(graph, scores, count, signed), (least, signed) => CircuitSelection.ThresholdNodes(graph, scores, least, signed));
        }
        var neurons = NeuronScores(file, path);
        return new(neurons.Length, (count, signed) => CircuitSelection.TopNeurons(graph, neurons, count, signed), (least, signed) => CircuitSelection.ThresholdNeurons(graph, neurons, least, signed));
    }

    private static double[] NodeScores(ScoreFile file, string path)
    {
        var scores = file.Nodes?.Take(file.Graph.Sources).Select(node => node.Score).ToArray();
        if (scores is null || scores.Contains(null)) throw new InputException($"{path}: the nodes have no scores to select by; faith attribute --level node gives them");
        return [.. scores.Select(score => score!.Value)];
    }

    private static double[] NeuronScores(ScoreFile file, string path)
    {
        var scores = file.Nodes?.Take(file.Graph.Sources).Select(node => node.NeuronScores).ToArray();
        if (scores is null || scores.Any(s => s is null || s.Count != scores[0]!.Count)) throw new InputException($"{path}: the neurons have no scores to select by; faith attribute --level neuron gives them");
        return [.. scores.SelectMany(s => s!)];
    }
}
