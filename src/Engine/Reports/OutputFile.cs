namespace Faith.Engine.Reports;

/// <summary>Result files, written whole or not at all.</summary>
public static class OutputFile
{
    /// <summary>
    /// Writes a file through <paramref name="write"/>. The bytes go to a new file in the same folder, which takes the target's place
    /// only when all of them are there: a failure leaves the old file, or none.
    /// </summary>
    /// <exception cref="InputException">The target cannot be written.</exception>
    public static void Write(string path, Action<Stream> write)
    {
        string? temporary = null;
        try
        {
            // A link keeps pointing where it points: its target is what is replaced.
            var isLink = new FileInfo(path).LinkTarget is not null;
            var target = isLink ? File.ResolveLinkTarget(path, returnFinalTarget: true)!.FullName : Path.GetFullPath(path);
            if (Directory.Exists(target)) throw new InputException($"{path}: is a folder; give the name of a file");
            // Devices (/dev/stdout, /dev/null) are written to, never replaced.
            if (target.StartsWith("/dev/", StringComparison.Ordinal) || target.StartsWith("/proc/", StringComparison.Ordinal))
            {
                using var device = new FileStream(path, FileMode.Open, FileAccess.Write);
                write(device);
                return;
            }
            temporary = $"{target}.{Guid.NewGuid():N}.tmp";
            using (var stream = new FileStream(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, 1 << 16)) write(stream);
            File.Move(temporary, target, overwrite: true);
            temporary = null;
        }
        catch (DirectoryNotFoundException e)
        {
            throw new InputException($"{path}: the folder does not exist; create it or give another", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new InputException($"{path}: cannot be written ({e.Message.ReplaceLineEndings(" ")})", e);
        }
        finally
        {
            if (temporary is not null) TryDelete(temporary);
        }
    }

    /// <summary>Writes a text file (UTF-8 without a byte-order mark) whole or not at all.</summary>
    /// <exception cref="InputException">The target cannot be written.</exception>
    public static void WriteText(string path, string text) => Write(path, stream => stream.Write(System.Text.Encoding.UTF8.GetBytes(text)));

    private static void TryDelete(string path)
    {
        try
        {
            File.Delete(path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // The failure that led here is the one to report.
        }
    }
}
