namespace Faith.Fuzz.Tests.Targets;

#pragma warning disable IDE1006, SA1300 // columns are called as in files

/// <summary>An example in the project's own form, as a row of a Parquet file.</summary>
public sealed class ParquetRow
{
    public string? clean { get; set; }
    public string? corrupted { get; set; }
    public List<int>? answers { get; set; }
    public List<int>? distractors { get; set; }
}
