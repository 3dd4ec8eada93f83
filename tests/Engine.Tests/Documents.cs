namespace Faith.Engine.Tests;

/// <summary>The project's documents, where tests hold them to what they say.</summary>
public static class Documents
{
    /// <summary>The lines of a document; the path is seen from the solution.</summary>
    public static string[] Lines(string path) => File.ReadAllLines(Path.Combine(Root(), path));

    /// <summary>Where a file is; the path is seen from the solution.</summary>
    public static string PathOf(string path) => Path.Combine(Root(), path);

    /// <summary>True where a file or folder is there; the path is seen from the solution.</summary>
    public static bool Exists(string path) => Path.Exists(Path.Combine(Root(), path));

    /// <summary>The files below a folder by the end of their names, without what the build puts there; paths are seen from the solution, with /.</summary>
    public static IReadOnlyList<string> Files(string folder, string pattern) =>
        [.. Directory.EnumerateFiles(Path.Combine(Root(), folder), pattern, SearchOption.AllDirectories)
            .Select(path => Path.GetRelativePath(Root(), path).Replace('\\', '/'))
            .Where(path => !path.Split('/').Any(part => part is "bin" or "obj"))
            .Order(StringComparer.Ordinal)];

    /// <summary>The tables of a document: rows of cells, the header first, the rule below it left out; code marks are taken off.</summary>
    public static IReadOnlyList<IReadOnlyList<string[]>> Tables(string path)
    {
        var tables = new List<List<string[]>>();
        var before = "";
        foreach (var line in Lines(path))
        {
            if (line.StartsWith('|'))
            {
                if (!before.StartsWith('|')) tables.Add([]);
                if (line.Any(char.IsLetterOrDigit)) tables[^1].Add([.. line.Trim('|').Split(" | ").Select(cell => cell.Trim(' ', '`'))]);
            }
            before = line;
        }
        return tables;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }
}
