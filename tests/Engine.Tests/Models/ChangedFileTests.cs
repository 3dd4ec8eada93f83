using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>Files that others write to while they are used: an error that names the file, whenever it happens, and never numbers of bytes that were not hashed.</summary>
public sealed class ChangedFileTests
{
    private static readonly Example[] Data = [new([1, 2, 3], [1, 4, 3], [5], [6])];

    private static string Refused(string path, Action action)
    {
        var message = Assert.Throws<InputException>(action).Message;
        Assert.StartsWith(path + ": was changed or cut short", message);
        return message;
    }

    private static void Truncate(string path, long length)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.SetLength(length);
    }

    private static void Overwrite(string path)
    {
        using var file = new FileStream(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
        file.Position = file.Length - 8;
        file.Write([0, 0, 0, 64, 0, 0, 0, 64]);
    }

    /// <summary>Times of files are as fine as the system's clock ticks, which a test can be faster than.</summary>
    private static void Change(string path, Action<string> change)
    {
        change(path);
        File.SetLastWriteTimeUtc(path, File.GetLastWriteTimeUtc(path).AddMilliseconds(40));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(100)]
    [InlineData(4000)]
    public void A_file_cut_short_after_loading_is_refused_when_it_is_read(long length)
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        using var device = new HostDevice(1);
        var path = directory.File("model.safetensors");
        Change(path, p => Truncate(p, length));
        Refused(path, () => new Transformer(device, weights).Dispose());
        Refused(path, weights.RequireUnchanged);
    }

    [Fact]
    public void Other_bytes_after_loading_are_refused()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        using var device = new HostDevice(1);
        var path = directory.File("model.safetensors");
        Change(path, Overwrite);
        Refused(path, () => new Transformer(device, weights).Dispose());
    }

    [Fact]
    public void Other_bytes_are_refused_when_the_time_of_writing_is_set_back()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        using var device = new HostDevice(1);
        var path = directory.File("model.safetensors");
        var written = File.GetLastWriteTimeUtc(path);
        Thread.Sleep(40);
        Overwrite(path);
        File.SetLastWriteTimeUtc(path, written);
        Refused(path, () => new Transformer(device, weights).Dispose());
    }

    [Fact]
    public void Another_mode_or_name_does_not_matter()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        using var device = new HostDevice(1);
        var path = directory.File("model.safetensors");
        Thread.Sleep(40);
        if (!OperatingSystem.IsWindows()) File.SetUnixFileMode(path, UnixFileMode.UserRead);
        File.Move(path, directory.File("other.safetensors"));
        new Transformer(device, weights).Dispose();
        weights.RequireUnchanged();
    }

    [Fact]
    public void Files_of_PyTorch_are_watched_as_well()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().WriteTorch(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        using var device = new HostDevice(1);
        var path = directory.File("pytorch_model.bin");
        Change(path, p => Truncate(p, 4000));
        Refused(path, () => new Transformer(device, weights).Dispose());
        Refused(path, weights.RequireUnchanged);
    }

    [Fact]
    public void Nothing_is_read_once_the_model_is_on_a_device()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().As("F16").Write(directory.Path);
        using var weights = ModelLoader.Load(directory.Path);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        var options = new AttributionOptions { Metric = MetricKind.ProbabilityDifference };
        var before = Attributor.Run(model, Data, options).Scores.Values;
        Change(directory.File("model.safetensors"), Overwrite);
        Assert.Equal(before, Attributor.Run(model, Data, options).Scores.Values);
        weights.Dispose();
        Assert.Equal(before, Attributor.Run(model, Data, options).Scores.Values);
    }

    [Fact]
    public void A_file_that_takes_the_others_name_does_not_matter()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().As("F16").Write(directory.Path);
        using var device = new HostDevice(1);
        using var weights = ModelLoader.Load(directory.Path);
        File.WriteAllBytes(directory.File("new"), [1, 2, 3]);
        File.Move(directory.File("new"), directory.File("model.safetensors"), overwrite: true);
        using var model = new Transformer(device, weights);
        Attributor.Run(model, Data, new());
    }
}
