using System.IO.Compression;
using Faith.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Models;

/// <summary>Bytes of a file.</summary>
internal readonly record struct FileRange(long Offset, long Length);

/// <summary>The ZIP archive that torch.save writes: NAME/data.pkl, and NAME/data/KEY for every storage, stored as they are.</summary>
internal sealed class TorchArchive
{
    private const string Pickle = "/data.pkl";
    private const int LargestPickle = 16 << 20;

    private readonly Dictionary<string, ZipArchiveEntry> entries = new(StringComparer.Ordinal);
    private readonly string path, folder;
    private readonly DirectoryStream stream;

    /// <summary>Reads the directory of an archive.</summary>
    /// <param name="path">The file, for messages.</param>
    /// <param name="handle">The open file; it stays open.</param>
    /// <exception cref="InputException">It is no such archive.</exception>
    /// <exception cref="InvalidDataException">The archive is damaged.</exception>
    internal TorchArchive(string path, SafeFileHandle handle)
    {
        this.path = path;
        stream = new(handle);
        foreach (var entry in new ZipArchive(stream, ZipArchiveMode.Read, leaveOpen: true).Entries)
        {
            if (!entries.TryAdd(entry.FullName, entry)) throw new InputException($"{path}: holds {PlainText.Name(entry.FullName)} twice");
        }
        stream.IsOpened = true;
        if (entries.Keys.Any(name => name.EndsWith("/constants.pkl", StringComparison.Ordinal)))
        {
            throw new InputException($"{path}: is a TorchScript program, which is not read; {FileUse.Model.Remedy}");
        }
        string[] pickles = [.. entries.Keys.Where(name => name.EndsWith(Pickle, StringComparison.Ordinal) && name.IndexOf('/', StringComparison.Ordinal) == name.Length - Pickle.Length)];
        if (pickles.Length != 1) throw new InputException($"{path}: is a ZIP archive, but not one that torch.save writes: it holds {(pickles.Length == 0 ? "no" : "more than one")} NAME{Pickle}");
        folder = pickles[0][..^Pickle.Length];
        if (entries.TryGetValue($"{folder}/byteorder", out var order) && ReadAll(order, 16) is var bytes && !bytes.AsSpan().SequenceEqual("little"u8))
        {
            throw new InputException($"{path}: was written on a machine of the other byte order; load it and save it anew on one of this kind");
        }
    }

    /// <summary>The pickle that says what the file holds.</summary>
    internal byte[] ReadPickle() => ReadAll(entries[folder + Pickle], LargestPickle);

    /// <summary>Where the bytes of a storage are.</summary>
    /// <exception cref="InputException">It is not there or cannot be read in place.</exception>
    internal FileRange Storage(string key)
    {
        if (!entries.TryGetValue($"{folder}/data/{key}", out var entry)) throw new InputException($"{path}: storage {PlainText.Name(key)} is missing; the file is incomplete");
        if (entry.IsEncrypted || entry.CompressedLength != entry.Length)
        {
            throw new InputException($"{path}: {PlainText.Name(entry.FullName)} is compressed or encrypted, which torch.save does not do; load the file in Python and save it anew");
        }
        if (entry.Length == 0) return default;
        // The archive does not tell where an entry's bytes are; the first one that it reads of it does.
        using var content = entry.Open();
        if (content.ReadByte() < 0) throw new InvalidDataException();
        var offset = stream.Position - 1;
        return entry.Length <= stream.Length - offset ? new(offset, entry.Length)
            : throw new InputException($"{path}: {PlainText.Name(entry.FullName)} ends outside the file, which may be cut short");
    }

    private byte[] ReadAll(ZipArchiveEntry entry, int most)
    {
        if (entry.Length > most) throw new InputException($"{path}: {PlainText.Name(entry.FullName)} has {entry.Length} bytes, which is too large; at most {most} are read");
        using var content = entry.Open();
        // What it says of its length may be wrong.
        var bytes = new byte[entry.Length];
        content.ReadExactly(bytes);
        return bytes;
    }

    /// <summary>Reads without a buffer, so that its position tells where bytes come from, and no directory that is larger than one of a model can be.</summary>
    private sealed class DirectoryStream(SafeFileHandle handle) : FileStream(new SafeFileHandle(handle.DangerousGetHandle(), ownsHandle: false), FileAccess.Read, bufferSize: 0)
    {
        private const long LargestDirectory = 64 << 20;
        private long total;

        /// <summary>Whether the directory was read.</summary>
        public bool IsOpened { get; set; }

        public override int Read(byte[] buffer, int offset, int count) => Read(buffer.AsSpan(offset, count));

        public override int Read(Span<byte> buffer)
        {
            if (!IsOpened && (total += buffer.Length) > LargestDirectory) throw new InvalidDataException($"a directory of more than {LargestDirectory} bytes");
            return RandomAccessRead(buffer);
        }

        private int RandomAccessRead(Span<byte> buffer)
        {
            var count = RandomAccess.Read(SafeFileHandle, buffer, Position);
            Position += count;
            return count;
        }
    }
}
