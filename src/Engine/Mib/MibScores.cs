using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Mib;

/// <summary>What the benchmark ranks at a level: all edges, or the nodes or neurons that have a score, those of the input among them.</summary>
/// <param name="Values">The score of each.</param>
/// <param name="Best">The circuit of a number of them, ranked by score (true) or by |score|, pruned.</param>
/// <param name="In">Which of them a circuit has.</param>
internal sealed record MibScores(double[] Values, Func<int, bool, Circuit> Best, Func<Circuit, bool[]> In)
{
    /// <summary>How many there are.</summary>
    public int Items => Values.Length;

    /// <summary>The scores of a file.</summary>
    /// <exception cref="InputException">It has none at this level.</exception>
    public static MibScores Of(ScoreFile file, string path, ScoreLevel level) => level switch
    {
        ScoreLevel.Edge => OfEdges(file, path),
        ScoreLevel.Node => OfNodes(file, path),
        _ => OfNeurons(file, path),
    };

    private static MibScores OfEdges(ScoreFile file, string path)
    {
        // Information flow is selected greedily there.
        var level = LevelScores.Of(file, path, ScoreLevel.Edge, new(file.Run?.Method == "ifr" ? "greedy" : SelectionMethods.TopName));
        EdgeId[] edges = [.. file.Graph.AllEdges];
        return new(Array.ConvertAll(edges, edge => file.Scores![edge]), level.Top, circuit => Array.ConvertAll(edges, circuit.Contains));
    }

    private static MibScores OfNodes(ScoreFile file, string path)
    {
        var graph = file.Graph;
        NodeId[] nodes = [.. graph.AllSources.Where(node => file.Nodes?[node].Score is not null)];
        if (nodes.Length == 0) throw new InputException($"{path}: the nodes have no scores; faith mib attribute --level node gives them");
        var scores = Array.ConvertAll(nodes, node => file.Nodes![node].Score!.Value);
        return new(scores, (count, signed) => Pruning.Prune(NodeSelection.With(graph, Array.ConvertAll(Ranked(scores, count, signed), i => nodes[i]))), circuit =>
        {
            var inside = circuit.NodesInCircuit();
            return Array.ConvertAll(nodes, node => inside[node]);
        });
    }

    private static MibScores OfNeurons(ScoreFile file, string path)
    {
        var graph = file.Graph;
        var width = file.Nodes?.Select(node => node.NeuronScores?.Count ?? 0).Max() ?? 0;
        double[] all = [.. graph.AllSources.SelectMany(node => file.Nodes?[node].NeuronScores ?? Enumerable.Repeat(double.NaN, width))];
        int[] neurons = [.. Enumerable.Range(0, all.Length).Where(n => !double.IsNaN(all[n]))];
        if (neurons.Length == 0) throw new InputException($"{path}: the neurons have no scores; faith mib attribute --level neuron gives them");
        if (all.Length != width * graph.Sources) throw new InputException($"{path}: its nodes have different numbers of neurons");
        var scores = Array.ConvertAll(neurons, n => all[n]);
        return new(scores, (count, signed) => Pruning.Prune(NeuronSelection.With(graph, all.Length, Ranked(scores, count, signed).Select(i => neurons[i]))), circuit =>
        {
            if (circuit.Neurons is { } carried && carried.Width != width) throw new InputException($"{path}: has {width} neurons a node, and the reference {carried.Width}");
            var inside = circuit.NodesInCircuit();
            return Array.ConvertAll(neurons, n => inside[n / width] && (circuit.Neurons?.Contains(new(n / width), n % width) ?? true));
        });
    }

    // Ties go to the first.
    private static int[] Ranked(double[] scores, int count, bool signed) =>
        [.. Enumerable.Range(0, scores.Length).OrderByDescending(i => RankingKeys.Ordered(signed ? scores[i] : Math.Abs(scores[i]))).Take(count)];
}
