namespace Faith.Engine.Tests;

/// <summary>Real inputs kept beside the project; a test that needs one is skipped where it is not there.</summary>
internal static class SharedData
{
    /// <summary>The path of shared/data/<paramref name="relative"/> beside the project, or null.</summary>
    public static string? Find(string relative)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) continue;
            var path = Path.Combine(folder.FullName, "..", "shared", "data", relative);
            return File.Exists(path) || Directory.Exists(path) ? Path.GetFullPath(path) : null;
        }
        return null;
    }
}
