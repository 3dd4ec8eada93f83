using System.Security.Cryptography;
using System.Text;
using Faith.Engine.Files;
using Faith.Engine.Masks;

namespace Faith.Engine.Attribution;

/// <summary>
/// A file from which a training goes on to the bits that it would have had: the step, the scores and the optimiser, with what the run is and a checksum. It is written whole or
/// not at all, and only the run that it is of takes it.
/// </summary>
public sealed class TrainingCheckpoint
{
    /// <summary>Steps from one to the next unless given.</summary>
    public const int UsualEvery = 100;
    private const string Magic = "faith training 1\n";
    private const int MostIdentity = 1 << 20, MostNumbers = 1 << 27;

    /// <summary>The file.</summary>
    public required string Path { get; init; }
    /// <summary>All that determines what the training gives, name=value a line.</summary>
    public required string Identity { get; init; }
    /// <summary>Steps from one writing to the next.</summary>
    public int Every { get; init; } = UsualEvery;
    /// <summary>Is told the step from which a run goes on; null: nobody wants to know.</summary>
    public Action<int>? Resumed { get; init; }

    /// <summary>Takes a training of so many steps to where the file left it, if there is one; returns the steps done.</summary>
    /// <exception cref="InputException">The file is of another run, or damaged, or no such file, or the training is too large for one.</exception>
    internal int Resume(MaskTraining training, int steps)
    {
        RequireRoom(training.Scores.Length * (long)training.NumbersOfScore);
        if (!RegularFile.IsThere(Path)) return 0;
        var bytes = RegularFile.ReadAll(Path, FileUse.Training, MostIdentity + sizeof(double) * (long)MostNumbers);
        if (!bytes.AsSpan().StartsWith(Encoding.ASCII.GetBytes(Magic))) throw new InputException($"{Path}: is no checkpoint of a training; give the name of one, or of a file that is not there yet");
        var end = bytes.Length - SHA256.HashSizeInBytes;
        if (end < Magic.Length || !SHA256.HashData(bytes.AsSpan(0, end)).AsSpan().SequenceEqual(bytes.AsSpan(end))) throw Damaged();
        using var reader = new BinaryReader(new MemoryStream(bytes, Magic.Length, end - Magic.Length), Encoding.UTF8);
        try
        {
            var identity = reader.ReadString();
            if (identity != Identity) throw new InputException($"{Path}: is the checkpoint of another run: {Difference(identity)}; give another name, or delete it to start anew");
            var step = reader.ReadInt32();
            training.Load(reader);
            if (reader.BaseStream.Position != reader.BaseStream.Length || step < 0 || step > steps) throw Damaged();
            Resumed?.Invoke(step);
            return step;
        }
        catch (Exception e) when (e is EndOfStreamException or FormatException or ArgumentException or IOException)
        {
            throw Damaged();
        }
    }

    /// <summary>Refuses to begin what no file could be gone on from.</summary>
    /// <exception cref="InputException">There are too many numbers.</exception>
    internal static void RequireRoom(long numbers)
    {
        // Beside those of the scores a training has a few.
        if (numbers > MostNumbers - 1024) throw new InputException($"--checkpoint: the training has {numbers} numbers, which are more than the {MostNumbers} that such a file holds; leave --checkpoint out");
    }

    /// <summary>Writes the training as it is after so many steps.</summary>
    /// <exception cref="InputException">The file cannot be written.</exception>
    internal void Save(MaskTraining training, int step)
    {
        using var content = new MemoryStream();
        using (var writer = new BinaryWriter(content, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write(Encoding.ASCII.GetBytes(Magic));
            writer.Write(Identity);
            writer.Write(step);
            training.Save(writer);
        }
        var bytes = content.GetBuffer().AsSpan(0, (int)content.Length);
        var sum = SHA256.HashData(bytes);
        OutputFile.Write(Path, stream =>
        {
            stream.Write(content.GetBuffer(), 0, (int)content.Length);
            stream.Write(sum);
        });
    }

    private InputException Damaged() => new($"{Path}: the checkpoint is damaged or cut short; delete it to start anew");

    // The first setting that is another.
    private string Difference(string other)
    {
        var (its, own) = (Lines(other), Lines(Identity));
        foreach (var name in own.Keys.Union(its.Keys, StringComparer.Ordinal))
        {
            var (a, b) = (its.GetValueOrDefault(name), own.GetValueOrDefault(name));
            if (a != b) return $"{PlainText.Short(name)} {(a is null ? "was not given" : $"was {PlainText.Short(a)}")}, and is {(b is null ? "not" : PlainText.Short(b))} now";
        }
        return "it was made otherwise";

        static Dictionary<string, string> Lines(string text) =>
            text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Split('=', 2)).GroupBy(parts => parts[0]).ToDictionary(g => g.Key, g => g.First()[^1], StringComparer.Ordinal);
    }
}
