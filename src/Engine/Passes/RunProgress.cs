namespace Faith.Engine.Passes;

/// <summary>How far a run is.</summary>
/// <param name="Done">Examples (or other units) done.</param>
/// <param name="Total">Of how many.</param>
/// <param name="Phase">What is being done.</param>
public readonly record struct RunProgress(int Done, int Total, string Phase)
{
    /// <summary>How it goes, in a few words; null: there is nothing to say.</summary>
    public string? Detail { get; init; }
}
