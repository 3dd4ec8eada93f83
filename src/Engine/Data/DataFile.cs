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
            return FileIdentity.Of(path).Kind switch
            {
                FileKind.Folder => throw new InputException($"{path}: this is a directory; a JSONL, CSV or Parquet file is needed"),
                FileKind.Missing or FileKind.Regular when new FileInfo(path) is { Exists: true, Length: > Largest } file =>
                    throw new InputException($"{path}: {file.Length} bytes are too many for a data set; at most {Largest >> 20} MiB are read"),
                FileKind.Missing or FileKind.Regular => ReadFile(path),
                _ => ReadStream(path, cancellation),
            };
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

    private static byte[] ReadFile(string path)
    {
        var bytes = File.ReadAllBytes(path);
        RequirePrompts(path, bytes);
        if (!ParquetRows.AreIn(bytes)) new DataLines(path).Check(bytes);
        return bytes;
    }

    private static void RequirePrompts(string path, ReadOnlySpan<byte> head)
    {
        if (ForeignFile.StartsWithKey(head, "cfg", "nodes", "edges")) throw new InputException($"{path}: holds scores or a circuit, not prompts; it belongs to --scores or --circuit");
        if (!ParquetRows.AreIn(head) && ForeignFile.What(head, FileUse.Data) is { } what) throw new InputException($"{path}: {what}");
    }

    private static byte[] ReadStream(string path, CancellationToken cancellation)
    {
        using var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite, 1);
        using var content = new MemoryStream();
        var buffer = new byte[1 << 16];
        var lines = new DataLines(path);
        var isKnown = false;
        // Of what has been read, how much has been checked: whole lines.
        var whole = 0;
        while (true)
        {
            // A pipe whose other end is silent is waited for, but not against Ctrl-C.
            var reading = stream.ReadAsync(buffer, cancellation).AsTask();
            reading.Wait(cancellation);
            var read = buffer.AsSpan(0, reading.Result);
            if (content.Length + read.Length > Largest) throw new InputException($"{path}: has no end, or more than {Largest >> 20} MiB; that is no data set");
            content.Write(read);
            var all = content.GetBuffer().AsSpan(0, (int)content.Length);
            // A format is told by its first bytes, before its lines are looked at.
            if (read.IsEmpty)
            {
                RequirePrompts(path, all);
                if (!ParquetRows.AreIn(all)) lines.Check(all[whole..]);
                return all.ToArray();
            }
            if (all.Length < ForeignFile.HeadBytes) continue;
            if (!isKnown) RequirePrompts(path, all);
            if (ParquetRows.AreIn(all)) continue;
            // What came before has no line feed that has not been seen, but for the first bytes.
            var unseen = isKnown ? read.Length : all.Length;
            isKnown = true;
            if (all[^unseen..].LastIndexOf((byte)'\n') is >= 0 and var feed)
            {
                var end = all.Length - unseen + feed + 1;
                lines.Check(all[whole..end]);
                whole = end;
            }
            lines.CheckBegun(all.Length - whole);
        }
    }
}
