namespace Faith.Engine.Reports;

/// <summary>The circuit of one size of a curve, as numbers. They are NaN where they are not defined.</summary>
/// <param name="Selected">What was asked for.</param>
/// <param name="Edges">Edges after pruning.</param>
/// <param name="Nodes">Nodes.</param>
/// <param name="Circuit">The mean metric.</param>
/// <param name="Faithfulness">Normalised.</param>
/// <param name="Low">Lower end of its 95 % bootstrap interval over the examples.</param>
/// <param name="High">Upper end.</param>
/// <param name="PerExample">The metric by example.</param>
public sealed record ReportPoint(int Selected, int Edges, int Nodes, double Circuit, double Faithfulness, double Low, double High, IReadOnlyList<double> PerExample);
