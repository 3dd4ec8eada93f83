using System.Buffers.Binary;
using System.Runtime.InteropServices;

namespace Faith.Engine.Files;

/// <summary>What a path leads to, links followed, and which file that is whatever it is called.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Device">The file system.</param>
/// <param name="Number">The file's number on it.</param>
/// <param name="Mount">The mount that it is reached through, or 0 where the system does not say.</param>
public readonly partial record struct FileIdentity(FileKind Kind, ulong Device, ulong Number, ulong Mount)
{
    // Of statx(2), whose layout is the same on every processor.
    private const int CurrentFolder = -100, StatxBytes = 256, BasicAndMount = 0x17ff, ModeAt = 28, NumberAt = 32, DeviceAt = 136, MountAt = 144;
    private const int TypeMask = 0xf000, TypeRegular = 0x8000, TypeFolder = 0x4000, TypePipe = 0x1000, TypeCharacters = 0x2000, TypeBlocks = 0x6000;

    /// <summary>True when both are there and one file.</summary>
    public bool IsSameFile(FileIdentity other) => Kind != FileKind.Missing && (Kind, Device, Number) == (other.Kind, other.Device, other.Number);

    /// <summary>What is at a path. A path that cannot be reached is <see cref="FileKind.Missing"/>.</summary>
    public static FileIdentity Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!OperatingSystem.IsLinux()) return ByPath(path);
        Span<byte> found = stackalloc byte[StatxBytes];
        if (Statx(CurrentFolder, path, 0, BasicAndMount, ref MemoryMarshal.GetReference(found)) != 0) return default;
        var kind = (BinaryPrimitives.ReadUInt16LittleEndian(found[ModeAt..]) & TypeMask) switch
        {
            TypeRegular => FileKind.Regular,
            TypeFolder => FileKind.Folder,
            TypePipe => FileKind.Pipe,
            TypeCharacters or TypeBlocks => FileKind.Device,
            _ => FileKind.Other,
        };
        return new(kind, BinaryPrimitives.ReadUInt64LittleEndian(found[DeviceAt..]), BinaryPrimitives.ReadUInt64LittleEndian(found[NumberAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(found[MountAt..]));
    }

    // Where numbers of files cannot be had: the path with its links resolved stands for the file.
    private static FileIdentity ByPath(string path)
    {
        FileSystemInfo? item = Directory.Exists(path) ? new DirectoryInfo(path) : File.Exists(path) ? new FileInfo(path) : null;
        if (item is null) return default;
        var real = (item.ResolveLinkTarget(returnFinalTarget: true) ?? item).FullName;
        return new(item is DirectoryInfo ? FileKind.Folder : FileKind.Regular, 0, (ulong)StringComparer.OrdinalIgnoreCase.GetHashCode(real), 0);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte found);
}
