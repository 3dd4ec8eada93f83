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

    /// <summary>A file that was opened; it is closed with this.</summary>
    private protected TensorFile(string path, SafeFileHandle handle)
    {
        // Elements are read as they lie in memory.
        if (!BitConverter.IsLittleEndian) throw new PlatformNotSupportedException("files of tensors are little-endian");
        Path = path;
        Handle = handle;
        Length = RandomAccess.GetLength(handle);
        written = File.GetLastWriteTimeUtc(handle);
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
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw RegularFile.Unreadable(Path, e);
        }
    }

    /// <summary>Closes the file; later reads of its tensors throw <see cref="ObjectDisposedException"/>.</summary>
    public void Dispose()
    {
        Handle.Dispose();
        GC.SuppressFinalize(this);
    }
}
