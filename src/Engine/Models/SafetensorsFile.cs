using System.Buffers.Binary;
using Faith.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Models;

/// <summary>
/// A safetensors file: 8 bytes with the header's length (little-endian), the header in JSON, the data. The header is checked whole
/// on opening. Nothing is mapped into memory: a file that others cut short or write to while it is used ends in an error, not in
/// the end of the process.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>The format's own limit on the header.</summary>
    private const long LargestHeader = 100_000_000;

    private readonly SafeFileHandle handle;
    private readonly DateTime written;

    private SafetensorsFile(string path, SafeFileHandle handle)
    {
        Path = path;
        this.handle = handle;
        Length = RandomAccess.GetLength(handle);
        written = File.GetLastWriteTimeUtc(handle);
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }
    /// <summary>Its size in bytes.</summary>
    public long Length { get; }
    /// <summary>First byte of the data.</summary>
    internal long DataStart { get; private set; }
    /// <summary>The tensors, in the order of their data.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private set; } = [];
    /// <summary>The notes in its header.</summary>
    internal IReadOnlyDictionary<string, string> Metadata { get; private set; } = new Dictionary<string, string>();

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="InputException">The file cannot be read, or is not a well-formed safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        // Elements are read as they lie in memory.
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("safetensors files are little-endian");
        var handle = RegularFile.Open(path);
        try
        {
            var file = new SafetensorsFile(path, handle);
            file.ReadHeader();
            return file;
        }
        catch (Exception e)
        {
            handle.Dispose();
            if (e is IOException or UnauthorizedAccessException or NotSupportedException) throw RegularFile.Unreadable(path, e);
            throw;
        }
    }

    private void ReadHeader()
    {
        Span<byte> head = stackalloc byte[(int)Math.Min(Length, ForeignFile.HeadBytes)];
        ReadBytes(0, head);
        // The header is an object; the length before it may have the bytes that another format begins with.
        if (head is not [_, _, _, _, _, _, _, _, (byte)'{', ..] && ForeignFile.What(head, FileUse.Model) is { } what) throw new InputException($"{Path}: {what}");
        if (Length < 8) throw new InputException($"{Path}: {Length} bytes; a safetensors file has at least 8, its header's length");
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(head);
        if (headerBytes > LargestHeader)
        {
            throw new InputException($"{Path}: a header of {headerBytes} bytes; a safetensors header has at most {LargestHeader}");
        }
        if (headerBytes > (ulong)(Length - 8))
        {
            throw new InputException($"{Path}: a header of {headerBytes} bytes in a file of {Length}; the file may be cut short");
        }
        var json = new byte[headerBytes];
        ReadBytes(8, json);
        DataStart = 8 + json.Length;
        (var entries, Metadata) = SafetensorsHeader.Parse(Path, json, Length - DataStart);
        Tensors = [.. entries.Select(entry => new StoredTensor(this, entry, DataStart))];
    }

    /// <summary>Copies bytes of the file; throws when the range leaves the file or the file is closed. Safe to call from several threads.</summary>
    /// <exception cref="InputException">The file has become shorter, or the system does not give it out.</exception>
    internal void ReadBytes(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length || destination.Length > Length - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + destination.Length} of {Length}");
        }
        try
        {
            if (!RegularFile.TryRead(handle, destination, offset)) throw RegularFile.Changed(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RegularFile.Unreadable(Path, e);
        }
    }

    /// <summary>Fails when the file was written to since it was opened. One that took its place under its name does not matter: what is read is the file that was opened.</summary>
    /// <exception cref="InputException">It was.</exception>
    internal void RequireUnchanged()
    {
        try
        {
            if (RandomAccess.GetLength(handle) != Length || File.GetLastWriteTimeUtc(handle) != written) throw RegularFile.Changed(Path);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RegularFile.Unreadable(Path, e);
        }
    }

    /// <summary>Closes the file; later reads of its tensors throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose() => handle.Dispose();
}
