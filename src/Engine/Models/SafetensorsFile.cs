using System.Buffers.Binary;
using System.IO.MemoryMappedFiles;

namespace Faith.Engine.Models;

/// <summary>
/// A safetensors file, mapped into memory: 8 bytes with the header's length (little-endian), the header in JSON, the data.
/// The header is checked whole on opening, every later read against the bounds of the file.
/// </summary>
public sealed class SafetensorsFile : IDisposable
{
    /// <summary>The format's own limit on the header.</summary>
    private const long LargestHeader = 100_000_000;

    private readonly MemoryMappedFile map;
    private readonly MemoryMappedViewAccessor view;

    private SafetensorsFile(string path, long length, MemoryMappedFile map, MemoryMappedViewAccessor view)
    {
        Path = path;
        Length = length;
        this.map = map;
        this.view = view;
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }
    /// <summary>Its size in bytes.</summary>
    public long Length { get; }
    /// <summary>First byte of the data.</summary>
    internal long DataStart { get; private set; }
    /// <summary>The tensors, in the order of their data.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private set; } = [];

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="InputException">The file cannot be read, or is not a well-formed safetensors file.</exception>
    public static SafetensorsFile Open(string path)
    {
        // Elements are read as they lie in memory.
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("safetensors files are little-endian");
        var file = Map(path);
        try
        {
            file.ReadHeader();
            return file;
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    private static SafetensorsFile Map(string path)
    {
        MemoryMappedFile? map = null;
        try
        {
            var stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            using (stream)
            {
                var length = stream.Length;
                if (length < 8)
                {
                    throw new InputException($"{path}: {length} bytes; a safetensors file has at least 8, its header's length");
                }
                map = MemoryMappedFile.CreateFromFile(
                    stream, null, 0, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: true);
                var view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
                return new SafetensorsFile(path, length, map, view);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            map?.Dispose();
            throw new InputException($"{path}: cannot be read: {Wording.Clean(e.Message)}", e);
        }
    }

    private void ReadHeader()
    {
        Span<byte> prefix = stackalloc byte[8];
        ReadBytes(0, prefix);
        var headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
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
        var entries = SafetensorsHeader.Parse(Path, json, Length - DataStart);
        Tensors = [.. entries.Select(entry => new StoredTensor(this, entry, DataStart))];
    }

    /// <summary>Copies bytes of the file; throws when the range leaves the file or the file is closed.</summary>
    internal unsafe void ReadBytes(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length || destination.Length > Length - offset)
        {
            throw new ArgumentOutOfRangeException(nameof(offset), $"bytes {offset} to {offset + destination.Length} of {Length}");
        }
        // Held for the copy only: a reader on another thread then meets ObjectDisposedException, never an unmapped page.
        var handle = view.SafeMemoryMappedViewHandle;
        byte* start = null;
        try
        {
            handle.AcquirePointer(ref start);
            new ReadOnlySpan<byte>(start + view.PointerOffset + offset, destination.Length).CopyTo(destination);
        }
        finally
        {
            if (start != null) handle.ReleasePointer();
        }
    }

    /// <summary>Unmaps the file; later reads of its tensors throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        view.Dispose();
        map.Dispose();
    }
}
