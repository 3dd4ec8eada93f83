using Faith.Engine;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>A reader of the library and the files that it is given, one of them damaged.</summary>
internal sealed class ReaderTarget : ITarget
{
    private const int LongestMessage = 1000;

    private readonly TemporaryDirectory directory = new();
    private readonly Action<string> read;
    private readonly SeedFile[] seeds;
    private readonly string[] folders;
    private readonly byte[][] originals;

    public ReaderTarget(Action<string> read, params SeedFile[] seeds)
    {
        (this.read, this.seeds) = (read, seeds);
        folders = [.. seeds.Select((seed, i) => Directory.CreateDirectory(directory.File($"{i}")).FullName)];
        for (var i = 0; i < seeds.Length; i++)
        {
            seeds[i].Write(folders[i]);
            // Undamaged it must be read.
            read(folders[i]);
        }
        originals = [.. seeds.Select((seed, i) => File.ReadAllBytes(Path.Combine(folders[i], seed.Name)))];
    }

    public bool Run(Random random)
    {
        var which = random.Next(seeds.Length);
        File.WriteAllBytes(Path.Combine(folders[which], seeds[which].Name), seeds[which].Mutate(random, originals[which]));
        try
        {
            read(folders[which]);
            return true;
        }
        catch (InputException e)
        {
            Assert.StartsWith(folders[which], e.Message, StringComparison.Ordinal);
            Assert.True(PlainText.Line(e.Message) == e.Message, $"control characters in: {PlainText.Line(e.Message)}");
            Assert.True(e.Message.Length <= LongestMessage, $"{e.Message.Length} characters: {e.Message}");
            return false;
        }
    }

    public void Dispose() => directory.Dispose();
}
