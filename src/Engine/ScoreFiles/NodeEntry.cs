namespace Faith.Engine.ScoreFiles;

/// <summary>The scores that a file gives of a node; null for what it does not give.</summary>
/// <param name="Score">The node's score.</param>
/// <param name="NeuronScores">[d_model]: the score of each dimension of its output.</param>
public sealed record NodeEntry(double? Score = null, IReadOnlyList<double>? NeuronScores = null)
{
    /// <summary>An entry that says nothing.</summary>
    public static NodeEntry None { get; } = new();
}
