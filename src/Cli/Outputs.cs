using Faith.Engine;

namespace Faith.Cli;

/// <summary>Checks of the files that a command will write, made before the work so that the work is not lost.</summary>
internal static class Outputs
{
    /// <summary>Refuses files that cannot be written and a file that is named twice; null stands for an output that is not wanted.</summary>
    /// <exception cref="InputException">A file cannot be written.</exception>
    public static void Check(params ReadOnlySpan<string?> paths)
    {
        var seen = new HashSet<string>();
        foreach (var path in paths)
        {
            if (path is null) continue;
            if (path.Length == 0) throw new InputException("the name of an output file is empty");
            var full = Path.GetFullPath(path);
            if (!full.StartsWith("/dev/", StringComparison.Ordinal) && !seen.Add(full)) throw new InputException($"{path}: two outputs would go to this one file");
            Check(path, full);
        }
    }

    private static void Check(string path, string full)
    {
        if (Directory.Exists(full)) throw new InputException($"{path}: is a folder; give the name of a file");
        var folder = Path.GetDirectoryName(full)!;
        if (!Directory.Exists(folder)) throw new InputException($"{path}: the folder does not exist; create it or give another");
        try
        {
            if (File.Exists(full))
            {
                // Opening changes nothing: not the content, not the time.
                using var existing = new FileStream(full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            }
            else
            {
                // Only the file system knows whether a file can be made here; permissions alone do not tell (read-only mounts).
                var probe = Path.Combine(folder, $".faith-{Guid.NewGuid():N}");
                using var stream = new FileStream(probe, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1, FileOptions.DeleteOnClose);
            }
        }
        catch (FileNotFoundException e)
        {
            throw new InputException($"{path}: is a link to a file that is not there; name that file instead", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be written ({e.Message})", e);
        }
    }
}
