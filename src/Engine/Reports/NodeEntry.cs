namespace Faith.Engine.Reports;

/// <summary>What a score file says of a node beyond its membership; null for what it does not say.</summary>
/// <param name="Score">The node's score.</param>
/// <param name="Neurons">[d_model]: which dimensions of its output are in the circuit.</param>
/// <param name="NeuronScores">[d_model]: the score of each dimension of its output.</param>
public sealed record NodeEntry(double? Score = null, IReadOnlyList<bool>? Neurons = null, IReadOnlyList<double>? NeuronScores = null)
{
    /// <summary>An entry that says nothing.</summary>
    public static NodeEntry None { get; } = new();
}
