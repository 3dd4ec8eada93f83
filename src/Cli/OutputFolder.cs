using Faith.Engine;

namespace Faith.Cli;

/// <summary>A folder of results: checked before the work, made after it.</summary>
internal static class OutputFolder
{
    /// <summary>Refuses a folder that cannot be made or written to; makes nothing.</summary>
    /// <exception cref="InputException">It cannot be used.</exception>
    public static void Check(string path)
    {
        if (File.Exists(path)) throw new InputException($"{path}: is a file; give the name of a folder");
        var nearest = Path.GetFullPath(path);
        while (!Directory.Exists(nearest))
        {
            if (File.Exists(nearest)) throw new InputException($"{path}: {nearest} is a file, not a folder");
            nearest = Path.GetDirectoryName(nearest)!;
        }
        try
        {
            Outputs.Probe(nearest);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be written ({e.Message})", e);
        }
    }

    /// <summary>Makes the folder where it is not there yet.</summary>
    /// <exception cref="InputException">It cannot be made.</exception>
    public static void Make(string path)
    {
        try
        {
            Directory.CreateDirectory(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be made ({e.Message})", e);
        }
    }
}
