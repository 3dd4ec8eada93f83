namespace Faith.Engine.ScoreFiles;

/// <summary>The scores that a file gives of a node; null for what it does not give.</summary>
/// <param name="Score">The node's score.</param>
/// <param name="NeuronScores">[d_model]: the score of each dimension of its output; NaN for one without.</param>
public sealed record NodeEntry(double? Score = null, IReadOnlyList<double>? NeuronScores = null)
{
    /// <summary>An entry that says nothing.</summary>
    public static NodeEntry None { get; } = new();

    /// <summary>Entries of all nodes, logits last, of a run, which scores every neuron; null without scores.</summary>
    /// <param name="nodes">[F] scores.</param>
    /// <param name="neurons">[F · d_model] scores, or null.</param>
    /// <param name="width">d_model.</param>
    /// <exception cref="InputException">The score of a neuron is NaN.</exception>
    public static NodeEntry[]? Of(double[]? nodes, double[]? neurons, int width)
    {
        if (neurons is not null && Array.FindIndex(neurons, double.IsNaN) is >= 0 and var at) throw new InputException($"the score of the neuron {at % width} of node {at / width} is NaN; the model's weights or the data are not usable");
        return nodes is null ? null : [.. nodes.Select((score, node) => new NodeEntry(score, NeuronScores: neurons?[(node * width)..((node + 1) * width)])), None];
    }
}
