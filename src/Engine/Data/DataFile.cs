using Faith.Engine.Files;

namespace Faith.Engine.Data;

/// <summary>Reads the bytes of a data set: a regular file, or a pipe, which is read once.</summary>
internal static class DataFile
{
    /// <summary>Examples are read whole; what is larger is no data set, and what has no end must be left at some point.</summary>
    private const long Largest = 512L << 20;

    /// <summary>All bytes.</summary>
    /// <exception cref="InputException">There is no such file, it is something else, it cannot be read, or it has no end.</exception>
    public static byte[] Read(string path, CancellationToken cancellation = default)
    {
        try
        {
            var bytes = FileIdentity.Of(path).Kind switch
            {
                FileKind.Folder => throw new InputException($"{path}: this is a directory; a JSONL or CSV file is needed"),
                FileKind.Missing or FileKind.Regular when new FileInfo(path) is { Exists: true, Length: > Largest } file =>
                    throw new InputException($"{path}: {file.Length} bytes are too many for a data set; at most {Largest >> 20} MiB are read"),
                FileKind.Missing or FileKind.Regular => File.ReadAllBytes(path),
                _ => ReadStream(path, cancellation),
            };
            if (ForeignFile.StartsWithKey(bytes, "cfg", "nodes", "edges")) throw new InputException($"{path}: holds scores or a circuit, not prompts; it belongs to --scores or --circuit");
            if (ForeignFile.What(bytes, FileUse.Data) is { } what) throw new InputException($"{path}: {what}");
            return bytes;
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException)
        {
            throw new InputException($"{path}: cannot be read ({e.Message})", e);
        }
    }

    private static byte[] ReadStream(string path, CancellationToken cancellation)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        while (true)
        {
            // A pipe whose other end is silent is waited for, but not against Ctrl-C.
            var read = stream.ReadAsync(buffer, cancellation).AsTask();
            read.Wait(cancellation);
            if (read.Result == 0) return content.ToArray();
            content.Write(buffer, 0, read.Result);
            if (content.Length > Largest) throw new InputException($"{path}: has no end, or more than {Largest >> 20} MiB; that is no data set");
        }
    }
}
