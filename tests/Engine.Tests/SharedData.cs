namespace Faith.Engine.Tests;

/// <summary>Real inputs that lie beside the project and are never part of it.</summary>
public static class SharedData
{
    /// <summary>The path of a file or folder of ../shared/data (seen from the solution), or null where it is not there.</summary>
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
