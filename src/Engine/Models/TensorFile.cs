using Faith.Engine.Files;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Models;

/// <summary>
/// A file of tensors, open for reading at any place. Nothing is mapped into memory: a file that others cut short or write to while it is used
/// ends in an error, not in the end of the process.
/// </summary>
public abstract class TensorFile : IDisposable
{
    private readonly DateTime written;
    private (long, uint) changed;
    private string? hash;

    /// <summary>A file that was opened; it is closed with this.</summary>
    private protected TensorFile(string path, SafeFileHandle handle)
    {
        // Elements are read as they lie in memory.
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("files of tensors are little-endian");
        Path = path;
        Handle = handle;
        Length = RandomAccess.GetLength(handle);
        (written, changed) = (File.GetLastWriteTimeUtc(handle), FileIdentity.Of(handle).Changed);
    }

    /// <summary>Where the file is.</summary>
    public string Path { get; }
    /// <summary>Its size in bytes.</summary>
    public long Length { get; }
    /// <summary>The tensors, in the order of their data.</summary>
    public IReadOnlyList<StoredTensor> Tensors { get; private protected set; } = [];
    /// <summary>Notes in the file.</summary>
    internal IReadOnlyDictionary<string, string> Metadata { get; private protected set; } = new Dictionary<string, string>();
    /// <summary>The open file.</summary>
    private protected SafeFileHandle Handle { get; }

    /// <summary>Opens a file and reads what it says of itself; a failure closes it.</summary>
    /// <exception cref="InputException">The file cannot be read, or <paramref name="create"/> refuses it.</exception>
    private protected static T Open<T>(string path, Func<SafeFileHandle, T> create) where T : TensorFile
    {
        var handle = RegularFile.Open(path);
        try
        {
            return create(handle);
        }
        catch (Exception e)
        {
            handle.Dispose();
            if (e is IOException or UnauthorizedAccessException or NotSupportedException) throw RegularFile.Unreadable(path, e);
            throw;
        }
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
            if (!RegularFile.TryRead(Handle, destination, offset)) throw RegularFile.Changed(Path);
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
            if (RandomAccess.GetLength(Handle) != Length || File.GetLastWriteTimeUtc(Handle) != written) throw RegularFile.Changed(Path);
            // Whoever writes may set the time of writing back, but not the time of change. That one also moves when the file loses its name or
            // gets another mode, so that the bytes decide.
            if (FileIdentity.Of(Handle).Changed is var now && now == changed) return;
            if (hash is not null && TensorScan.HashAndCheck(this, used: _ => false) != hash) throw RegularFile.Changed(Path);
            changed = now;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RegularFile.Unreadable(Path, e);
        }
    }

    /// <summary>SHA-256 of the file in lower-case hex, which is what it must have whenever it is read; on the way, the tensors that are <paramref name="used"/> must be finite.</summary>
    /// <exception cref="InputException">A used tensor holds a NaN or an infinity, or the file cannot be read.</exception>
    internal string HashAndCheck(Func<StoredTensor, bool> used) => hash = TensorScan.HashAndCheck(this, used);

    /// <summary>Closes the file; later reads of its tensors throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        Handle.Dispose();
        GC.SuppressFinalize(this);
    }
}
