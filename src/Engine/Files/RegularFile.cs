using System.Text;
using Faith.Engine.Models;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Files;

/// <summary>
/// Opens the files of a model: only regular files are opened, since a pipe would be waited for and a device never ends, and what
/// is plainly something else than a model's file is called by its name.
/// </summary>
internal static class RegularFile
{
    /// <summary>Enough of a file to know it by.</summary>
    internal const int HeadBytes = 64;

    /// <summary>Whether anything has this name: what is no file, or a link that leads nowhere, is not absent, and opening it says what it is.</summary>
    internal static bool IsThere(string path) => Path.Exists(path) || new FileInfo(path).LinkTarget is not null;

    /// <summary>Opens a file for reading at any place.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mayBeEmpty">Whether a file without bytes says something.</param>
    /// <exception cref="InputException">It is missing, empty, unreadable or no regular file.</exception>
    internal static SafeFileHandle Open(string path, bool mayBeEmpty = false)
    {
        try
        {
            var what = FileIdentity.Of(path).Kind switch
            {
                FileKind.Folder => "a directory",
                FileKind.Pipe => "a pipe",
                FileKind.Device => "a device",
                FileKind.Other => "no regular file",
                _ => null,
            };
            if (what is not null) throw new InputException($"{path}: is {what}; a regular file is needed");
            var handle = File.OpenHandle(path);
            if (mayBeEmpty || RandomAccess.GetLength(handle) > 0) return handle;
            handle.Dispose();
            throw new InputException($"{path}: is empty (0 bytes)");
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            var target = new FileInfo(path).LinkTarget;
            throw new InputException($"{path}: {(target is null ? "not found" : $"is a link to {PlainText.Name(target)}, which is not there; download the file anew")}", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>The bytes of a small file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="most">More bytes than that are refused.</param>
    /// <param name="mayBeEmpty">Whether a file without bytes says something.</param>
    /// <exception cref="InputException">It is missing, empty, too large, unreadable, no regular file, or of a format that is not read.</exception>
    internal static byte[] ReadAll(string path, long most, bool mayBeEmpty = false)
    {
        using var handle = Open(path, mayBeEmpty);
        try
        {
            var length = RandomAccess.GetLength(handle);
            if (length > most) throw new InputException($"{path}: {length} bytes is too large for such a file; at most {most} are read");
            var bytes = new byte[length];
            if (!TryRead(handle, bytes, 0)) throw Changed(path);
            if (Foreign(bytes) is { } what) throw new InputException($"{path}: {what}");
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>Fills a span from a place of a file; false when the file ends before.</summary>
    internal static bool TryRead(SafeFileHandle handle, Span<byte> destination, long offset)
    {
        while (destination.Length > 0)
        {
            var count = RandomAccess.Read(handle, destination, offset);
            if (count == 0) return false;
            destination = destination[count..];
            offset += count;
        }
        return true;
    }

    /// <summary>What a file is that begins so, and what to do about it; null when nothing is known.</summary>
    internal static string? Foreign(ReadOnlySpan<byte> head)
    {
        ReadOnlySpan<byte> text = head.TrimStart("\uFEFF \t\r\n"u8);
        if (text.StartsWith("version https://git-lfs"u8)) return "is a Git LFS pointer, not the file itself; fetch the files with: git lfs pull";
        if (text.StartsWith("# xet version"u8)) return "is a Xet pointer, not the file itself; fetch the files with: git xet, or download them anew";
        var start = Encoding.ASCII.GetString(text[..Math.Min(text.Length, 9)]);
        if (start.StartsWith("<!doctype", StringComparison.OrdinalIgnoreCase) || start.StartsWith("<html", StringComparison.OrdinalIgnoreCase))
        {
            return "is a web page, not the file itself; download the raw file";
        }
        if (head.StartsWith("GGUF"u8)) return $"is a GGUF file, which is not read; {ForeignModel.Convert}";
        if (head is [0x89, (byte)'H', (byte)'D', (byte)'F', ..]) return $"is an HDF5 file (TensorFlow or Keras), which is not read; {ForeignModel.Convert}";
        if (head.StartsWith("PK\x03\x04"u8)) return $"is a ZIP archive; if it is a PyTorch checkpoint (.bin, .pt, .pth): {ForeignModel.Convert}";
        if (head is [0x80, >= 2 and <= 5, ..]) return $"is a Python pickle, as PyTorch writes .bin, .pt and .pth, which is not read; {ForeignModel.Convert}";
        if (head is [0xFF, 0xFE, ..] or [0xFE, 0xFF, ..]) return "is UTF-16 text; save it as UTF-8";
        // Without a mark: two letters of ASCII tell.
        if (head is [> 8 and < 127, 0, > 8 and < 127, 0, ..] or [0, > 8 and < 127, 0, > 8 and < 127, ..]) return "is UTF-16 text; save it as UTF-8";
        if (head is [0x93, (byte)'N', (byte)'U', (byte)'M', (byte)'P', (byte)'Y', ..]) return "is a NumPy array, which is not read";
        if (head is [0x1F, 0x8B, ..]) return "is compressed (gzip); unpack it";
        if (head is [0x28, 0xB5, 0x2F, 0xFD, ..]) return "is compressed (Zstandard); unpack it";
        if (head.StartsWith("BZh"u8)) return "is compressed (bzip2); unpack it";
        if (head is [0xFD, (byte)'7', (byte)'z', (byte)'X', (byte)'Z', ..]) return "is compressed (xz); unpack it";
        return null;
    }

    /// <summary>Whether a JSON object's first key is one of these: enough to know what kind of data a file holds.</summary>
    internal static bool StartsWithKey(ReadOnlySpan<byte> head, params ReadOnlySpan<string> keys)
    {
        head = head.TrimStart("\uFEFF \t\r\n"u8);
        if (head is not [(byte)'{', ..]) return false;
        head = head[1..].TrimStart(" \t\r\n"u8);
        foreach (var key in keys)
        {
            if (head.StartsWith(Encoding.ASCII.GetBytes($"\"{key}\""))) return true;
        }
        return false;
    }

    /// <summary>The error for a file that is no longer what it was.</summary>
    internal static InputException Changed(string path) =>
        new($"{path}: was changed or cut short while it was used; nothing that was computed from it can be trusted, so run again when it is complete");

    /// <summary>The error for a file that the system does not give out.</summary>
    internal static InputException Unreadable(string path, Exception e) => new($"{path}: cannot be read: {PlainText.Short(e.Message, 200)}", e);
}
