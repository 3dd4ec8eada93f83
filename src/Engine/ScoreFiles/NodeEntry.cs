namespace Faith.Engine.ScoreFiles;

/// <summary>The scores that a file gives of a node; null for what it does not give.</summary>
/// <param name="Score">The node's score.</param>
/// <param name="NeuronScores">[d_model]: the score of each dimension of its output; NaN for one without.</param>
public sealed record NodeEntry(double? Score = null, IReadOnlyList<double>? NeuronScores = null)
{
    /// <summary>An entry that says nothing.</summary>
    public static NodeEntry None { get; } = new();

    /// <summary>Entries of all nodes, logits last; null without scores.</summary>
    /// <param name="nodes">[F] scores.</param>
    /// <param name="neurons">[F · d_model] scores, or null.</param>
    /// <param name="width">d_model.</param>
    public static NodeEntry[]? Of(double[]? nodes, double[]? neurons, int width) => nodes is null
        ? null
        : [.. nodes.Select((score, node) => new NodeEntry(score, NeuronScores: neurons?[(node * width)..((node + 1) * width)])), None];
}
