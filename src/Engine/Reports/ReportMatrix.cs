namespace Faith.Engine.Reports;

/// <summary>The circuit of every task on every task.</summary>
/// <param name="Model">The model.</param>
/// <param name="Title">What the numbers are.</param>
/// <param name="Tasks">The tasks: rows are whose circuit it is, columns what it is measured on.</param>
/// <param name="Values">[row][column], NaN where it is not defined.</param>
public sealed record ReportMatrix(string Model, string Title, IReadOnlyList<string> Tasks, IReadOnlyList<IReadOnlyList<double>> Values);
