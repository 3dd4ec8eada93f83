namespace Faith.Engine.Attribution;

/// <summary>One round of a <see cref="ConvergentRun"/>.</summary>
/// <param name="Steps">Its steps.</param>
/// <param name="Gradients">Points of the path at which it took gradients: all of them, or those that the round before did not have.</param>
/// <param name="CompletenessGap">Its completeness gap; null where there is none.</param>
/// <param name="Jaccard">Overlap of its best edges with those of the round before, or of its best nodes or neurons where that is less; null in the first round.</param>
/// <param name="Seconds">Its seconds.</param>
public readonly record struct ConvergenceRound(int Steps, int Gradients, double? CompletenessGap, double? Jaccard, double Seconds);
