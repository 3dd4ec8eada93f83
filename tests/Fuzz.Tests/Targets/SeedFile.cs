namespace Faith.Fuzz.Tests.Targets;

/// <summary>A file that is damaged, among others that stay as they are.</summary>
/// <param name="Name">The file's name in its folder.</param>
/// <param name="Mutate">Makes a damaged copy.</param>
/// <param name="Write">Writes the whole folder.</param>
internal sealed record SeedFile(string Name, Func<Random, byte[], byte[]> Mutate, Action<string> Write);
