namespace Faith.Engine.Tests;

/// <summary>Real inputs that lie beside the project and are not part of it.</summary>
internal static class SharedData
{
    /// <summary>Path of a file or directory under shared/data, or null when it is not there.</summary>
    public static string? Find(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) continue;
            var path = Path.GetFullPath(Path.Combine(folder.FullName, "..", "shared", "data", relative));
            return Path.Exists(path) ? path : null;
        }
        return null;
    }
}
