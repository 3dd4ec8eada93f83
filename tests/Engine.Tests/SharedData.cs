namespace Faith.Engine.Tests;

/// <summary>Real inputs that lie beside a checkout and are not part of it.</summary>
internal static class SharedData
{
    /// <summary>Path of a file or directory in shared/data beside the solution's directory, or null when it is not there.</summary>
    internal static string? Find(string relative)
    {
        for (var directory = new DirectoryInfo(AppContext.BaseDirectory); directory is not null; directory = directory.Parent)
        {
            if (!File.Exists(Path.Combine(directory.FullName, "Engine.sln"))) continue;
            var path = Path.GetFullPath(Path.Combine(directory.FullName, "..", "shared", "data", relative));
            return File.Exists(path) || Directory.Exists(path) ? path : null;
        }
        return null;
    }
}
