namespace Faith.Engine.Mib;

/// <summary>A task of the MIB benchmark's circuit track.</summary>
/// <param name="Name">As cells name it.</param>
/// <param name="DataSet">The data set's name on the hub.</param>
/// <param name="Config">The part of the data set, or null.</param>
/// <param name="Counterfactual">What the corrupted prompts are unless asked for otherwise: the name of a column without "_counterfactual".</param>
/// <param name="AttributionExamples">How many examples scores are found on; null: all.</param>
/// <param name="Reader">Reads its rows.</param>
public sealed record MibTask(string Name, string DataSet, string? Config, string Counterfactual, int? AttributionExamples, MibRows Reader);
