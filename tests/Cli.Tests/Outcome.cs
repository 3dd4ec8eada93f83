namespace Faith.Cli.Tests;

/// <summary>What a run of the program left.</summary>
public sealed record Outcome(int Code, string Output, string Error);
