using System.IO.Compression;
using Faith.Engine.Tests.Models;

namespace Faith.Fuzz.Tests.Mutation;

/// <summary>Damages files of PyTorch: the pickle, the storages, the way they are kept, or bytes of the archive anywhere.</summary>
internal static class TorchMutator
{
    // Instructions that make, keep and use values, those that name things, and some that no data has.
    private const string Instructions = ".(0120NKMJqrhj)ttl]aesu}dcRbQGXUTCBioVSIF\u0080\u0081\u0085\u0086\u0087\u0088\u0089\u008a\u008b\u008c\u008d\u008e\u008f\u0090\u0091\u0093\u0094\u0095";

    /// <summary>A damaged copy.</summary>
    public static byte[] Mutate(Random random, byte[] original)
    {
        switch (random.Next(8))
        {
            case 0: return BytesMutator.Mutate(random, original);
            case 1: return original[..random.Next(original.Length)];
        }
        byte[] pickle;
        List<byte[]> storages = [];
        using (var archive = new ZipArchive(new MemoryStream(original), ZipArchiveMode.Read))
        {
            pickle = Content(archive.GetEntry("archive/data.pkl")!);
            while (archive.GetEntry($"archive/data/{storages.Count}") is { } entry) storages.Add(Content(entry));
        }
        switch (random.Next(8))
        {
            case 0:
                var at = random.Next(storages.Count);
                storages[at] = BytesMutator.Mutate(random, storages[at]);
                break;
            case 1: storages.RemoveAt(random.Next(storages.Count)); break;
            case 2: pickle = BytesMutator.Mutate(random, pickle); break;
            default:
                var bytes = pickle.ToList();
                for (var edits = random.Next(1, 4); edits > 0; edits--) Edit(random, bytes);
                pickle = [.. bytes];
                break;
        }
        return TorchWriter.Archive(pickle, storages, Level(random), Level(random));
    }

    private static void Edit(Random random, List<byte> pickle)
    {
        var at = random.Next(2, pickle.Count);
        var instruction = (byte)Instructions[random.Next(Instructions.Length)];
        switch (random.Next(4))
        {
            case 0: pickle[at] = instruction; break;
            case 1: pickle.InsertRange(at, Enumerable.Repeat(instruction, random.Next(10) == 0 ? random.Next(2_000_000) : random.Next(1, 4))); break;
            // Numbers are a byte after their instruction: shapes, strides, offsets and counts.
            case 2 when pickle.IndexOf((byte)'K', at) is > 0 and var number && number + 1 < pickle.Count: pickle[number + 1] = (byte)random.Next(256); break;
            default: pickle.RemoveRange(at, Math.Min(random.Next(1, 40), pickle.Count - at)); break;
        }
    }

    private static CompressionLevel Level(Random random) => random.Next(10) == 0 ? CompressionLevel.Fastest : CompressionLevel.NoCompression;

    private static byte[] Content(ZipArchiveEntry entry)
    {
        using var content = entry.Open();
        var memory = new MemoryStream();
        content.CopyTo(memory);
        return memory.ToArray();
    }
}
