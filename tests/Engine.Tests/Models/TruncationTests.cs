using System.Buffers.Binary;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>Weights that end early or whose header has another length are refused in one line; damage of any kind is tried by tests/Fuzz.Tests.</summary>
public sealed class TruncationTests
{
    private static void Refused(string directory, string what)
    {
        var exception = Record.Exception(() => ModelLoader.Load(directory).Dispose());
        Assert.True(exception is InputException && exception.Message.StartsWith(directory, StringComparison.Ordinal) && !exception.Message.Contains('\n'), $"{what}: {exception}");
    }

    [Fact]
    public void Every_truncation_of_a_file_of_PyTorch()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().WriteTorch(directory.Path);
        var path = directory.File("pytorch_model.bin");
        var original = File.ReadAllBytes(path);
        for (var length = 0; length < original.Length; length += length < 100 || length > original.Length - 100 ? 1 : 97)
        {
            File.WriteAllBytes(path, original[..length]);
            Refused(directory.Path, $"cut to {length}");
        }
    }

    [Fact]
    public void Every_truncation_and_every_bit_of_the_prefix()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Llama().Write(directory.Path);
        var path = directory.File("model.safetensors");
        var original = File.ReadAllBytes(path);
        var header = 8 + (int)BinaryPrimitives.ReadUInt64LittleEndian(original);
        // Every length up to a little past the header, then some of the rest.
        for (var length = 0; length < original.Length; length += length < header + 40 ? 1 : 97)
        {
            File.WriteAllBytes(path, original[..length]);
            Refused(directory.Path, $"cut to {length}");
        }
        for (var bit = 0; bit < 64; bit++)
        {
            var bytes = original.ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, bytes);
            Refused(directory.Path, $"bit {bit} of the prefix");
        }
    }
}
