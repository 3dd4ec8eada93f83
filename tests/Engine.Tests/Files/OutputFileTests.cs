using Faith.Engine.Files;
using Xunit;

namespace Faith.Engine.Tests.Files;

[System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
public sealed class OutputFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("faith-out-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Fact]
    public void TextIsUtf8WithoutAMarkAndReplacesTheOldFile()
    {
        var path = Path.Combine(folder, "a.txt");
        OutputFile.WriteText(path, "a long first text");
        OutputFile.WriteText(path, "é");
        Assert.Equal([0xC3, 0xA9], File.ReadAllBytes(path));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void AFailureOnTheWayLeavesNothing()
    {
        var path = Path.Combine(folder, "a.txt");
        Assert.Throws<ArithmeticException>(() => OutputFile.Write(path, stream =>
        {
            stream.WriteByte(1);
            throw new ArithmeticException();
        }));
        Assert.Contains("cannot be written (full)", Assert.Throws<InputException>(() => OutputFile.Write(path, _ => throw new IOException("full"))).Message);
        Assert.Empty(Directory.GetFiles(folder));
    }

    [Fact]
    public void DevicesAreWrittenToAndNotReplaced()
    {
        OutputFile.WriteText("/dev/null", "text");
        Assert.Equal(0, new FileInfo("/dev/null").Length);
        Assert.Empty(Directory.GetFiles("/dev", ".faith-*"));
    }

    [Fact]
    public void FilesThatBelongTogetherAppearTogetherOrNotAtAll()
    {
        var (old, fresh) = (Path.Combine(folder, "old.txt"), Path.Combine(folder, "new.txt"));
        File.WriteAllText(old, "before");
        Directory.CreateDirectory(Path.Combine(folder, "sub"));
        // The third target becomes a folder after everything has been written, so that it cannot be replaced.
        var third = Path.Combine(folder, "third.txt");
        Assert.Throws<InputException>(() => OutputFile.WriteTogether(Output.Text(old, "after"), Output.Text(fresh, "after"), new(third, stream =>
        {
            stream.WriteByte(1);
            Directory.CreateDirectory(third);
        })));
        Assert.Equal("before", File.ReadAllText(old));
        Assert.False(File.Exists(fresh));
        Assert.Empty(Directory.GetFiles(folder, ".faith-*"));

        Directory.Delete(third);
        OutputFile.WriteTogether(Output.Text(old, "after"), Output.Text(fresh, "after"));
        Assert.Equal(("after", "after"), (File.ReadAllText(old), File.ReadAllText(fresh)));
        Assert.Equal([fresh, old], Directory.GetFiles(folder).Order());
    }

    [Fact]
    public void TheModeOfAReplacedFileStays()
    {
        var path = Path.Combine(folder, "private.txt");
        File.WriteAllText(path, "before");
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.UserWrite);
        OutputFile.WriteText(path, "after");
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(path));
    }

    [RootFact]
    public void TheOwnerOfAReplacedFileStays()
    {
        var path = Path.Combine(folder, "theirs.txt");
        File.WriteAllText(path, "before");
        using (var change = System.Diagnostics.Process.Start("chown", ["12345:23456", path])) change.WaitForExit();
        File.SetUnixFileMode(path, UnixFileMode.UserRead | UnixFileMode.GroupRead);
        OutputFile.WriteText(path, "after");
        Assert.Equal((12345u, 23456u), FileIdentity.Of(path).Owner);
        Assert.Equal(("after", UnixFileMode.UserRead | UnixFileMode.GroupRead), (File.ReadAllText(path), File.GetUnixFileMode(path)));
    }

    [Fact]
    public void ALinkIsFollowedButNotInAFolderOfResults()
    {
        var (file, link) = (Path.Combine(folder, "file.txt"), Path.Combine(folder, "link.txt"));
        File.WriteAllText(file, "before");
        File.CreateSymbolicLink(link, file);
        OutputFile.WriteText(link, "through");
        Assert.Equal("through", File.ReadAllText(file));
        Assert.NotNull(new FileInfo(link).LinkTarget);

        OutputFile.WriteInFolder(folder, Output.Text("link.txt", "instead"));
        Assert.Equal("through", File.ReadAllText(file));
        Assert.Null(new FileInfo(link).LinkTarget);
        Assert.Equal("instead", File.ReadAllText(link));
    }

    [Fact]
    public void WhatAKilledRunLeftIsRemovedAndWhatALivingOneWritesIsNot()
    {
        // No process has the largest number that Linux allows, unless 4 million run.
        var (dead, living) = (Path.Combine(folder, ".faith-4194304-0.tmp"), Path.Combine(folder, ".faith-4194304-1.tmp"));
        File.WriteAllText(dead, "half");
        using (new FileStream(living, FileMode.CreateNew, FileAccess.Write, FileShare.None))
        {
            OutputFile.WriteText(Path.Combine(folder, "a.txt"), "text");
            Assert.Equal([living, Path.Combine(folder, "a.txt")], Directory.GetFiles(folder).Order());
        }
    }

    [Fact]
    public void LongNamesAreNoLongerOnTheirWay()
    {
        var path = Path.Combine(folder, new string('n', 250));
        OutputFile.WriteText(path, "text");
        Assert.Equal("text", File.ReadAllText(path));
    }
}
