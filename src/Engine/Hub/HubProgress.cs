namespace Faith.Engine.Hub;

/// <summary>How much of a file has arrived.</summary>
/// <param name="File">Its name in the repository.</param>
/// <param name="Done">Bytes that are here.</param>
/// <param name="Total">Its size.</param>
public readonly record struct HubProgress(string File, long Done, long Total);
