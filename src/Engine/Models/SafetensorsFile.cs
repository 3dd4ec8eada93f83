using System.Buffers.Binary;
using Faith.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Models;

/// <summary>
/// A safetensors file: 8 bytes with the header's length (little-endian), the header in JSON, the data. The header is checked whole
/// on opening.
/// </summary>
public sealed class SafetensorsFile : TensorFile
{
    /// <summary>The format's own limit on the header.</summary>
    private const long LargestHeader = 100_000_000;

    private SafetensorsFile(string path, SafeFileHandle handle) : base(path, handle) => ReadHeader();

    /// <summary>Opens and checks a file.</summary>
    /// <exception cref="InputException">The file cannot be read, or is not a well-formed safetensors file.</exception>
    public static SafetensorsFile Open(string path) => Open(path, handle => new SafetensorsFile(path, handle));

    private void ReadHeader()
    {
        Span<byte> head = stackalloc byte[(int)Math.Min(Length, ForeignFile.HeadBytes)];
        ReadBytes(0, head);
        if (head.StartsWith("PK\x03\x04"u8)) throw new InputException($"{Path}: is a ZIP archive, as PyTorch checkpoints are; name it pytorch_model.bin if it is one");
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
        var dataStart = 8L + json.Length;
        (var entries, Metadata) = SafetensorsHeader.Parse(Path, json, Length - dataStart);
        Tensors = [.. entries.Select(entry => new StoredTensor(this, entry, dataStart))];
    }
}
