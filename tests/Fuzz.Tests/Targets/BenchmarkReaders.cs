using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Hub;
using Faith.Engine.Mib;
using Faith.Engine.ScoreFiles;
using Faith.Fuzz.Tests.Mutation;
using Xunit;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>What is read for the MIB benchmark: submissions, results, and the cards of data sets.</summary>
internal static class BenchmarkReaders
{
    private const int LongestLine = 1000;
    private const string Card = "---\nlicense: mit\nconfigs:\n- config_name: four\n  data_files:\n  - split: train\n    path: a/train-*\n  - {split: test, path: [b/*, \"c/**\"]}\n- config_name: two\n  data_dir: ./b/\n---\n# Data\n";

    public static ITarget Submissions() => new ReaderTarget(folder =>
    {
        var (wrong, edges) = MibFileCheck.Of(Path.Combine(folder, "scores.json"), new("tiny", "a/b", 2, 2), isCircuit: false);
        Assert.InRange(edges, 0, int.MaxValue);
        Assert.All(wrong, line => Assert.True(line.Length <= LongestLine && PlainText.Line(line) == line, line));
    }, new SeedFile("scores.json", JsonMutator.Mutate, folder =>
    {
        var graph = new ModelGraph(2, 2);
        new ScoreFile { Graph = graph, Scores = new EdgeScores(graph, [.. Enumerable.Range(1, graph.Pairs).Select(i => (double)i)]), InGraph = Circuit.Empty(graph) }.Write(Path.Combine(folder, "scores.json"));
    }));

    public static ITarget Results() => new ReaderTarget(folder => Assert.NotNull(MibResult.Read(Path.Combine(folder, "result.json")).Run), new SeedFile("result.json", JsonMutator.Mutate, folder =>
    {
        var measures = new MibMeasures([1, 2], [0.5, 1], 0.75, 0.25, double.NaN, 0.75);
        using var stream = File.Create(Path.Combine(folder, "result.json"));
        using var json = new System.Text.Json.Utf8JsonWriter(stream);
        json.WriteStartObject();
        new MibResult { Cell = "ioi_gpt2", ReportsSize = true, Score = measures, Size = measures, Full = 3, Empty = -1, Run = new() { Version = "1", Examples = 2 } }.Write(json);
        json.WriteEndObject();
    }));

    // A card that cannot be read says nothing, which is for whoever asks to refuse.
    public static ITarget Cards() => new ReaderTarget(folder =>
    {
        string[] all = ["a/train-0.parquet", "b/0.parquet", "c/d/0.parquet", "README.md"];
        Assert.All(DatasetCard.Read(File.ReadAllBytes(Path.Combine(folder, "README.md"))).FilesOf("four", all) ?? throw new InputException($"{folder}: says nothing of this configuration"), file => Assert.Contains(file, all));
    }, Seed(LinesMutator.MutateWords), Seed(BytesMutator.Mutate));

    private static SeedFile Seed(Func<Random, byte[], byte[]> mutate) => new("README.md", mutate, folder => File.WriteAllText(Path.Combine(folder, "README.md"), Card));
}
