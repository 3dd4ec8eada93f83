namespace Faith.Engine.Hub;

/// <summary>A file of a repository.</summary>
/// <param name="Path">Where it is in the repository, checked to stay inside a folder.</param>
/// <param name="Size">Its bytes.</param>
/// <param name="Hash">SHA-256 of the file, or of small ones git's SHA-1, in lower-case hex.</param>
internal sealed record HubFile(string Path, long Size, string Hash);
