using System.Globalization;
using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Faith.Engine.Files;

/// <summary>A file to be written.</summary>
/// <param name="Path">Where.</param>
/// <param name="Write">Writes the content.</param>
public readonly record struct Output(string Path, Action<Stream> Write)
{
    /// <summary>Text in UTF-8 without a byte-order mark.</summary>
    public static Output Text(string path, string text) => Bytes(path, System.Text.Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes as they are.</summary>
    public static Output Bytes(string path, byte[] content) => new(path, stream => stream.Write(content));
}

/// <summary>Result files, written whole or not at all.</summary>
public static partial class OutputFile
{
    private const int BufferBytes = 1 << 16;
    private static readonly Lock OnItsWay = new();
    private static readonly TimeSpan LongestWait = TimeSpan.FromSeconds(5);
    private const string Prefix = ".faith-", Suffix = ".tmp";

    /// <summary>Writes one file through <paramref name="write"/>, whole or not at all.</summary>
    /// <exception cref="InputException">The target cannot be written.</exception>
    public static void Write(string path, Action<Stream> write) => WriteTogether(new Output(path, write));

    /// <summary>Writes a text file (UTF-8 without a byte-order mark) whole or not at all.</summary>
    /// <exception cref="InputException">The target cannot be written.</exception>
    public static void WriteText(string path, string text) => WriteTogether(Output.Text(path, text));

    /// <summary>
    /// Writes files that belong together: all of them or none. What is or will be a regular file is first written beside its target, under a name of
    /// our own, and takes the target's place, its mode and its owner, when everything is there; a failure on the way puts back what was. A pipe, a terminal
    /// or another device is written through. Files that a run which was killed has left in these folders are removed.
    /// </summary>
    /// <exception cref="InputException">One of them cannot be written.</exception>
    public static void WriteTogether(params ReadOnlySpan<Output> outputs) => WriteAll(outputs, followLinks: true);

    /// <summary>The same in a folder of results, where a link is replaced, not followed.</summary>
    /// <exception cref="InputException">One of them cannot be written.</exception>
    public static void WriteInFolder(string folder, params ReadOnlySpan<Output> outputs)
    {
        Output[] placed = [.. outputs];
        WriteAll(Array.ConvertAll(placed, output => output with { Path = Path.Combine(folder, output.Path) }), followLinks: false);
    }

    /// <summary>Where the bytes of an output go that is regular or not there yet: its own path, or what the link there leads to.</summary>
    public static string TargetOf(string path)
    {
        var file = new FileInfo(path);
        return file.LinkTarget is null ? file.FullName : file.ResolveLinkTarget(returnFinalTarget: true)!.FullName;
    }

    /// <summary>A name for a file that is on its way into a folder. It is short whatever the target's, and says whose it is.</summary>
    public static string NewTemporary(string folder) =>
        Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"{Prefix}{Environment.ProcessId}-{Guid.NewGuid():N}{Suffix}"));

    /// <summary>
    /// Runs an action while no output is being written: the process may end in it without leaving a file behind. An output that takes longer than
    /// some seconds, as a pipe that nobody reads, is not waited for.
    /// </summary>
    public static void WhenNothingIsOnItsWay(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        var entered = OnItsWay.TryEnter(LongestWait);
        try
        {
            action();
        }
        finally
        {
            if (entered) OnItsWay.Exit();
        }
    }

    private static void WriteAll(ReadOnlySpan<Output> outputs, bool followLinks)
    {
        using var _ = OnItsWay.EnterScope();
        var staged = new List<StagedFile>();
        try
        {
            var through = new List<(string Path, MemoryStream Content)>();
            foreach (var output in outputs)
            {
                Naming(output.Path, () =>
                {
                    if (IsWrittenThrough(output.Path))
                    {
                        var content = new MemoryStream();
                        output.Write(content);
                        through.Add((output.Path, content));
                        return;
                    }
                    var target = followLinks ? TargetOf(output.Path) : Path.GetFullPath(output.Path);
                    if (Directory.Exists(target)) throw new InputException($"{output.Path}: is a folder; give the name of a file");
                    var folder = Path.GetDirectoryName(target)!;
                    if (staged.TrueForAll(file => file.Folder != folder)) RemoveStale(folder);
                    staged.Add(new(output.Path, target, folder));
                    staged[^1].Fill(output.Write);
                });
            }
            foreach (var (path, content) in through) Naming(path, () => WriteThrough(path, content));
            foreach (var file in staged) Naming(file.Path, file.TakePlace);
            foreach (var file in staged) file.Keep();
        }
        finally
        {
            // In reverse, so that what was replaced last is put back first. Of files that are kept nothing is left to do.
            for (var i = staged.Count - 1; i >= 0; i--) staged[i].Dispose();
        }
    }

    private static void Naming(string path, Action action)
    {
        try
        {
            action();
        }
        catch (DirectoryNotFoundException e)
        {
            throw new InputException($"{path}: the folder does not exist; create it or give another", e);
        }
        catch (Exception e) when (IsOfFile(e))
        {
            throw new InputException($"{path}: cannot be written ({PlainText.Line(e.Message)})", e);
        }
    }

    // Of a file that becomes larger than the system lets files be (on FAT, 4 GiB) the framework says that the argument "value" is out of range.
    private static bool IsOfFile(Exception e) => e is IOException or UnauthorizedAccessException or ArgumentOutOfRangeException { ParamName: "value" };

    // ---- what is not replaced ----

    /// <summary>True for what is written through instead of being replaced: a pipe, a terminal or another device, or an open file of this process (/dev/stdout).</summary>
    public static bool IsWrittenThrough(string path) => OpenFileOf(path) is not null || FileIdentity.Of(path).Kind is FileKind.Pipe or FileKind.Device or FileKind.Other;

    private static void WriteThrough(string path, MemoryStream content)
    {
        // An open file is written at its own offset: opened anew, a log that the shell appends to would be written from its start.
        using var stream = OpenFileOf(path) switch
        {
            1 => Console.OpenStandardOutput(),
            2 => Console.OpenStandardError(),
            { } number => new FileStream(new SafeFileHandle(number, ownsHandle: false), FileAccess.Write, 0),
            null => new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, 0),
        };
        content.Position = 0;
        content.CopyTo(stream);
        stream.Flush();
        // A stream on an open file writes at places that it counts itself; whoever shares the file goes on after what was written.
        if (OpenFileOf(path) is { } shared and > 2 && stream.CanSeek) Seek(shared, stream.Position, 0);
    }

    // The number of an open file of this process that a path names, itself or through links, or null.
    private static int? OpenFileOf(string path)
    {
        const int mostLinks = 40;
        var full = Path.GetFullPath(path);
        for (var links = 0; links < mostLinks; links++)
        {
            if (full is "/dev/stdout") return 1;
            if (full is "/dev/stderr") return 2;
            foreach (var folder in (string[])["/dev/fd/", "/proc/self/fd/", $"/proc/{Environment.ProcessId}/fd/"])
            {
                if (!full.StartsWith(folder, StringComparison.Ordinal) || !int.TryParse(full.AsSpan(folder.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) continue;
                return number <= 2 || IsInherited(number) ? number : throw new InputException($"{path}: is not open; whoever starts the program opens it ({number}>FILE in a shell)");
            }
            if (new FileInfo(full).LinkTarget is not { } target) return null;
            full = Path.GetFullPath(target, Path.GetDirectoryName(full)!);
        }
        return null;
    }

    // What the runtime has opened for itself is marked to be closed on exec; what was open before the program began cannot be.
    private static bool IsInherited(int number)
    {
        const string line = "flags:";
        const int closedOnExec = 0x80000;
        var information = $"/proc/self/fdinfo/{number}";
        if (!OperatingSystem.IsLinux()) return true;
        if (!File.Exists(information)) return false;
        var flags = File.ReadLines(information).First(l => l.StartsWith(line, StringComparison.Ordinal)).AsSpan(line.Length).Trim();
        return (Convert.ToInt32(flags.ToString(), 8) & closedOnExec) == 0;
    }

    [LibraryImport("libc", EntryPoint = "lseek")]
    private static partial long Seek(int file, long offset, int from);

    [LibraryImport("libc", EntryPoint = "fchown")]
    private static partial int ChangeOwner(SafeFileHandle file, uint user, uint group);

    // ---- what a killed run left ----

    // A living run holds the lock of its file, here or on another machine, and its process is in the name for the moment before it does.
    private static void RemoveStale(string folder)
    {
        // A folder that may be written but not listed keeps what is left there.
        foreach (var left in Directory.EnumerateFiles(folder, $"{Prefix}*{Suffix}", new EnumerationOptions { IgnoreInaccessible = true, AttributesToSkip = FileAttributes.None }))
        {
            var name = Path.GetFileName(left.AsSpan())[Prefix.Length..];
            if (name.IndexOf('-') is not (> 0 and var dash) || !int.TryParse(name[..dash], NumberStyles.None, CultureInfo.InvariantCulture, out var process)) continue;
            if (process != Environment.ProcessId && IsRunning(process)) continue;
            try
            {
                using (new FileStream(left, FileMode.Open, FileAccess.Write, FileShare.None, 0)) File.Delete(left);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Held by a run, gone meanwhile, or somebody else's.
            }
        }
    }

    private static bool IsRunning(int process)
    {
        try
        {
            using var found = System.Diagnostics.Process.GetProcessById(process);
            return true;
        }
        catch (ArgumentException)
        {
            return false;
        }
    }

    /// <summary>A file beside its target, until it takes the target's place.</summary>
    private sealed class StagedFile : IDisposable
    {
        private readonly string target, temporary;
        private readonly FileStream stream;
        private string? replaced;
        private bool inPlace, kept;

        public StagedFile(string path, string target, string folder)
        {
            (Path, Folder, this.target, temporary) = (path, folder, target, NewTemporary(folder));
            stream = new(temporary, FileMode.CreateNew, FileAccess.Write, FileShare.None, BufferBytes);
        }

        /// <summary>The target as it was named.</summary>
        public string Path { get; }

        /// <summary>Where it is to be.</summary>
        public string Folder { get; }

        public void Fill(Action<Stream> write)
        {
            if (!OperatingSystem.IsWindows() && new FileInfo(target) is { Exists: true, LinkTarget: null })
            {
                // Where the owner may not be kept, at least the group is, if that is allowed. The mode comes last, as a change of owner clears parts of it.
                var (was, made) = (FileIdentity.Of(target).Owner, FileIdentity.Of(stream.SafeFileHandle).Owner);
                if (was != made && ChangeOwner(stream.SafeFileHandle, was.User, was.Group) != 0) _ = ChangeOwner(stream.SafeFileHandle, made.User, was.Group);
                File.SetUnixFileMode(stream.SafeFileHandle, File.GetUnixFileMode(target));
            }
            write(stream);
            stream.Flush();
        }

        public void TakePlace()
        {
            if (File.Exists(target))
            {
                var backup = NewTemporary(Folder);
                File.Replace(temporary, target, backup);
                replaced = backup;
            }
            else
            {
                File.Move(temporary, target, overwrite: true);
            }
            inPlace = true;
        }

        public void Keep() => kept = true;

        public void Dispose()
        {
            try
            {
                stream.Dispose();
            }
            catch (Exception e) when (IsOfFile(e))
            {
                // What did not fit on the disk is still held back, and does not fit now; the file goes all the same.
            }
            try
            {
                if (!inPlace) File.Delete(temporary);
                else if (kept && replaced is not null) File.Delete(replaced);
                else if (!kept && replaced is not null) File.Move(replaced, target, overwrite: true);
                else if (!kept) File.Delete(target);
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // The failure that led here is the one to report.
            }
        }
    }
}
