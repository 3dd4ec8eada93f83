using Faith.Engine.Reports;
using Xunit;

namespace Faith.Engine.Tests.Reports;

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
        if (!File.Exists("/dev/null")) return;
        OutputFile.WriteText("/dev/null", "text");
        Assert.Equal(0, new FileInfo("/dev/null").Length);
        Assert.Empty(Directory.GetFiles("/dev", "null.*.tmp"));
    }
}
