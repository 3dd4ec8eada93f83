using System.Security.Cryptography;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Masks;
using Faith.Fuzz.Tests.Mutation;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>Checkpoints of trainings: damaged as they come, or with a checksum that fits the damage, so that what is behind it is reached too.</summary>
internal static class CheckpointReader
{
    private const int Scores = 7, Steps = 5;
    private const string Name = "training";

    public static ITarget Create() => new ReaderTarget(folder => Of(folder).Resume(NewTraining(), Steps), new SeedFile(Name, Mutate, Write));

    private static void Write(string folder)
    {
        var training = NewTraining();
        for (var step = 0; step < 2; step++)
        {
            training.Open();
            training.Move(new double[Scores]);
        }
        Of(folder).Save(training, 2);
    }

    private static byte[] Mutate(Random random, byte[] original)
    {
        var damaged = BytesMutator.Mutate(random, original[..^SHA256.HashSizeInBytes]);
        return [.. damaged, .. random.Next(3) == 0 ? original[^SHA256.HashSizeInBytes..] : SHA256.HashData(damaged)];
    }

    private static EdgePruningTraining NewTraining() => new(new double[Scores], 0.1, Steps, 0.5, new Random64(1));

    private static TrainingCheckpoint Of(string folder) => new() { Path = Path.Combine(folder, Name), Identity = "method=edge-pruning\nlevel=edge\n" };
}
