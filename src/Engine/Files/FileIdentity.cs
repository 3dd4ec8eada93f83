using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Files;

/// <summary>What a path leads to, links followed, and which file that is whatever it is called.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Device">The file system.</param>
/// <param name="Number">The file's number on it.</param>
/// <param name="Mount">The mount that it is reached through, or 0 where the system does not say.</param>
/// <param name="Owner">The number of the user whose it is, and of the group; 0 where the system does not say.</param>
/// <param name="Changed">When its bytes or what the system notes of it last changed, by a clock that only the system sets; 0 where there is none.</param>
public readonly partial record struct FileIdentity(FileKind Kind, ulong Device, ulong Number, ulong Mount, (uint User, uint Group) Owner, (long Seconds, uint Nanoseconds) Changed)
{
    // Of statx(2), whose layout is the same on every processor.
    private const int CurrentFolder = -100, StatxBytes = 256, EmptyPath = 0x1000, BasicAndMount = 0x17ff;
    private const int UserAt = 20, GroupAt = 24, ModeAt = 28, NumberAt = 32, ChangedAt = 96, DeviceAt = 136, MountAt = 144;
    private const int TypeMask = 0xf000, TypeRegular = 0x8000, TypeFolder = 0x4000, TypePipe = 0x1000, TypeCharacters = 0x2000, TypeBlocks = 0x6000;

    /// <summary>True when both are there and one file.</summary>
    public bool IsSameFile(FileIdentity other) => Kind != FileKind.Missing && (Kind, Device, Number) == (other.Kind, other.Device, other.Number);

    /// <summary>What is at a path. A path that cannot be reached is <see cref="FileKind.Missing"/>.</summary>
    public static FileIdentity Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        if (!OperatingSystem.IsLinux()) return ByPath(path);
        Span<byte> found = stackalloc byte[StatxBytes];
        return Statx(CurrentFolder, path, 0, BasicAndMount, ref MemoryMarshal.GetReference(found)) == 0 ? From(found) : default;
    }

    /// <summary>The same of an open file, whatever has its name by now.</summary>
    public static FileIdentity Of(SafeFileHandle file)
    {
        ArgumentNullException.ThrowIfNull(file);
        if (!OperatingSystem.IsLinux()) return default;
        Span<byte> found = stackalloc byte[StatxBytes];
        return Statx(file, "", EmptyPath, BasicAndMount, ref MemoryMarshal.GetReference(found)) == 0 ? From(found) : default;
    }

    private static FileIdentity From(ReadOnlySpan<byte> found)
    {
        var kind = (BinaryPrimitives.ReadUInt16LittleEndian(found[ModeAt..]) & TypeMask) switch
        {
            TypeRegular => FileKind.Regular,
            TypeFolder => FileKind.Folder,
            TypePipe => FileKind.Pipe,
            TypeCharacters or TypeBlocks => FileKind.Device,
            _ => FileKind.Other,
        };
        static uint Word(ReadOnlySpan<byte> bytes) => BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        return new(kind, BinaryPrimitives.ReadUInt64LittleEndian(found[DeviceAt..]), BinaryPrimitives.ReadUInt64LittleEndian(found[NumberAt..]),
            BinaryPrimitives.ReadUInt64LittleEndian(found[MountAt..]), (Word(found[UserAt..]), Word(found[GroupAt..])),
            (BinaryPrimitives.ReadInt64LittleEndian(found[ChangedAt..]), Word(found[(ChangedAt + sizeof(long))..])));
    }

    // Where numbers of files cannot be had: the path with its links resolved stands for the file.
    private static FileIdentity ByPath(string path)
    {
        FileSystemInfo? item = Directory.Exists(path) ? new DirectoryInfo(path) : File.Exists(path) ? new FileInfo(path) : null;
        if (item is null) return default;
        var real = (item.ResolveLinkTarget(returnFinalTarget: true) ?? item).FullName;
        return new(item is DirectoryInfo ? FileKind.Folder : FileKind.Regular, 0, (ulong)StringComparer.OrdinalIgnoreCase.GetHashCode(real), 0, default, default);
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(int folder, string path, int flags, uint mask, ref byte found);

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Statx(SafeFileHandle file, string path, int flags, uint mask, ref byte found);
}
