namespace Faith.Engine.Hub;

/// <summary>What is here after a pull.</summary>
/// <param name="Folder">Where: the snapshot, or the folder that was asked for.</param>
/// <param name="Commit">Of which state of the repository.</param>
/// <param name="Files">How many files were needed.</param>
/// <param name="Bytes">Their size together.</param>
/// <param name="Fetched">How many of the bytes were fetched; the others were here.</param>
public sealed record HubPulled(string Folder, string Commit, int Files, long Bytes, long Fetched);
