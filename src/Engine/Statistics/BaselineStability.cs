namespace Faith.Engine.Statistics;

/// <summary>What circuits that know nothing of the task come to: means over several.</summary>
/// <param name="Jaccard">Mean Jaccard overlap of their edges with the circuit's.</param>
/// <param name="Faithfulness">Their mean normalised faithfulness.</param>
/// <param name="Most">The most faithful one's.</param>
public readonly record struct BaselineStability(double Jaccard, double Faithfulness, double Most);
