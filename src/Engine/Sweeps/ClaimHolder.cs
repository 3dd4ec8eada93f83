namespace Faith.Engine.Sweeps;

/// <summary>Who works on a cell.</summary>
/// <param name="Process">The process; null where the claim does not tell.</param>
/// <param name="Age">How long ago it was last refreshed, by the clock of the file system.</param>
/// <param name="IsAbandoned">True when nobody works on it any more: its process has ended, or it was not refreshed for long.</param>
public readonly record struct ClaimHolder(ProcessIdentity? Process, TimeSpan Age, bool IsAbandoned);
