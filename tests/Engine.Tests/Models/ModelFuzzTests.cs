using System.Buffers.Binary;
using System.Text;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>Damaged files: whatever is in them, loading succeeds or throws <see cref="InputException"/> with one line.</summary>
public sealed class ModelFuzzTests
{
    /// <summary>What JSON is made of, and numbers at the edges of what fits.</summary>
    private static readonly string[] Fragments =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "null", "true", "-1", "0", "1e999", "2.5", "\"F16\"", "\"BF16\"",
        "\"U8\"", "4294967296", "9223372036854775807", "9223372036854775808", "-9223372036854775808", "99999999999999999999999", "é", "\0",
    ];

    private static byte[] Mutate(Random random, byte[] original)
    {
        var bytes = new List<byte>(original);
        var edits = random.Next(1, 5);
        for (var e = 0; e < edits && bytes.Count > 0; e++)
        {
            var at = random.Next(bytes.Count);
            switch (random.Next(7))
            {
                case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
                case 1: bytes[at] = (byte)random.Next(256); break;
                case 2: bytes.InsertRange(at, Encoding.UTF8.GetBytes(Fragments[random.Next(Fragments.Length)])); break;
                case 3: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), bytes.Count - at)); break;
                case 4: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 60), bytes.Count - at))); break;
                case 5: bytes[at] = (byte)('0' + random.Next(10)); break;
                // A number becomes another one: the most likely way past the first checks.
                default:
                    var digit = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
                    if (digit < 0) break;
                    bytes.RemoveAt(digit);
                    bytes.InsertRange(digit, Encoding.UTF8.GetBytes(Fragments[random.Next(10, Fragments.Length)]));
                    break;
            }
        }
        return [.. bytes];
    }

    /// <summary>Loads, reads everything that loaded, and says whether it did.</summary>
    private static bool Try(string directory, string what)
    {
        try
        {
            using var weights = ModelLoader.Load(directory);
            foreach (var layer in weights.Layers)
            {
                var matrix = layer.QueryKeyValue;
                var rows = matrix.StoredTransposed ? matrix.Outputs : matrix.Inputs;
                matrix.ReadStoredRows(0, rows, new float[matrix.Inputs * matrix.Outputs]);
            }
            return true;
        }
        catch (InputException e)
        {
            Assert.True(e.Message.StartsWith(directory, StringComparison.Ordinal) && !e.Message.Contains('\n'), $"{what}: {e.Message}");
            return false;
        }
        catch (Exception e)
        {
            throw new InvalidOperationException($"{what}: {e.GetType().Name}: {e.Message}", e);
        }
    }

    private static void Fuzz(TinyModel model, string file, int seed, int count, bool sharded = false, bool headerOnly = false)
    {
        using var directory = new TemporaryDirectory();
        if (sharded) model.WriteShards(directory.Path, 2);
        else model.Write(directory.Path);
        var path = directory.File(file);
        var original = File.ReadAllBytes(path);
        Assert.True(Try(directory.Path, "unchanged"));
        var refused = 0;
        for (var i = 0; i < count; i++)
        {
            var random = new Random(seed + i);
            File.WriteAllBytes(path, headerOnly ? MutateHeader(random, original) : Mutate(random, original));
            if (!Try(directory.Path, $"{file}, seed {seed + i}")) refused++;
        }
        // Almost every edit breaks something; were most of them accepted, the edits would be missing their aim.
        Assert.True(refused > count / 4, $"only {refused} of {count} were refused");
    }

    /// <summary>Changes the header alone and keeps its length true, so that the JSON's contents are what is tested.</summary>
    private static byte[] MutateHeader(Random random, byte[] original)
    {
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(original);
        var header = Mutate(random, original[8..(8 + length)]);
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        return [.. prefix, .. header, .. original[(8 + length)..]];
    }

    [Fact]
    public void Mutated_headers_of_gpt2() => Fuzz(TinyModel.Gpt2(), "model.safetensors", 1000, 2500, headerOnly: true);

    [Fact]
    public void Mutated_headers_of_llama() => Fuzz(TinyModel.Llama().As("BF16"), "model.safetensors", 20000, 2500, headerOnly: true);

    [Fact]
    public void Mutated_config_of_gpt2() => Fuzz(TinyModel.Gpt2(), "config.json", 40000, 2000);

    [Fact]
    public void Mutated_config_of_llama()
    {
        var model = TinyModel.Llama();
        model.Config["rope_scaling"] = System.Text.Json.Nodes.JsonNode.Parse(
            "{\"rope_type\":\"llama3\",\"factor\":32.0,\"low_freq_factor\":1.0,\"high_freq_factor\":4.0,"
            + "\"original_max_position_embeddings\":8192}");
        Fuzz(model, "config.json", 60000, 2000);
    }

    [Fact]
    public void Mutated_index() => Fuzz(TinyModel.Llama(), "model.safetensors.index.json", 80000, 2000, sharded: true);

    [Fact]
    public void Mutated_prefix_and_every_truncation()
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
            Assert.False(Try(directory.Path, $"cut to {length}"));
        }
        for (var bit = 0; bit < 64; bit++)
        {
            var bytes = original.ToArray();
            bytes[bit / 8] ^= (byte)(1 << (bit % 8));
            File.WriteAllBytes(path, bytes);
            Assert.False(Try(directory.Path, $"bit {bit} of the prefix"));
        }
    }

    [Fact]
    public void Random_bytes()
    {
        using var directory = new TemporaryDirectory();
        TinyModel.Gpt2().Write(directory.Path);
        for (var seed = 0; seed < 500; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[random.Next(200)];
            random.NextBytes(bytes);
            // Half of them with a header length that fits, so that the header is read.
            if (bytes.Length >= 8 && seed % 2 == 0) BinaryPrimitives.WriteUInt64LittleEndian(bytes, (ulong)random.Next(bytes.Length));
            File.WriteAllBytes(directory.File("model.safetensors"), bytes);
            Assert.False(Try(directory.Path, $"seed {seed}"));
        }
    }
}
