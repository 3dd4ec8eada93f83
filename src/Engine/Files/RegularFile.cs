using System.Security.Cryptography;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Files;

/// <summary>
/// Opens the files of a model: only regular files are opened, since a pipe would be waited for and a device never ends.
/// </summary>
internal static class RegularFile
{
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
    /// <param name="use">What it is read for.</param>
    /// <param name="most">More bytes than that are refused.</param>
    /// <param name="mayBeEmpty">Whether a file without bytes says something.</param>
    /// <exception cref="InputException">It is missing, empty, too large, unreadable, no regular file, or of a format that is not read.</exception>
    internal static byte[] ReadAll(string path, FileUse use, long most, bool mayBeEmpty = false)
    {
        using var handle = Open(path, mayBeEmpty);
        try
        {
            var length = RandomAccess.GetLength(handle);
            if (length > most) throw new InputException($"{path}: {length} bytes is too large for such a file; at most {most} are read");
            var bytes = new byte[length];
            if (!TryRead(handle, bytes, 0)) throw Changed(path);
            if (ForeignFile.What(bytes, use) is { } what) throw new InputException($"{path}: {what}");
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw Unreadable(path, e);
        }
    }

    /// <summary>SHA-256 of a file, in lower-case hexadecimal.</summary>
    /// <exception cref="InputException">It is missing, unreadable or no regular file.</exception>
    internal static string HashOf(string path)
    {
        using var stream = new FileStream(Open(path, mayBeEmpty: true), FileAccess.Read);
        try
        {
            return Convert.ToHexStringLower(SHA256.HashData(stream));
        }
        catch (IOException e)
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

    /// <summary>The error for a file that is no longer what it was.</summary>
    internal static InputException Changed(string path) =>
        new($"{path}: was changed or cut short while it was used; nothing that was computed from it can be trusted, so run again when it is complete");

    /// <summary>The error for a file that the system does not give out.</summary>
    internal static InputException Unreadable(string path, Exception e) => new($"{path}: cannot be read: {PlainText.Short(e.Message, 200)}", e);
}
