using System.Text;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Circuits;
using FsCheck;
using FsCheck.Fluent;
using Xunit;

namespace Faith.Engine.Tests.Reports;

/// <summary>Damaged files: either they are read, or they are refused in one line. Seeds are fixed.</summary>
public sealed class ScoreFileFuzzTests
{
    private static readonly byte[] Valid = WriteValid(new ModelGraph(2, 2));

    private static byte[] WriteValid(ModelGraph graph)
    {
        var file = new ScoreFile
        {
            Graph = graph,
            DModel = 2,
            Scores = Small.RandomScores(graph, 1),
            InGraph = new Circuit(graph, RandomCircuits.Sample(graph, 5, 1).Edges, new NeuronSet(graph, 2, [0, 3, 4, 5])),
            Nodes = [.. Enumerable.Range(0, graph.Nodes).Select(i => new NodeEntry(i, [1, 2]))],
            Run = new RunRecord { Model = "m", Steps = 5, Options = new Dictionary<string, string> { ["a"] = "b" } },
        };
        using var stream = new MemoryStream();
        ScoreFileWriter.Write(file, stream, "valid");
        return stream.ToArray();
    }

    private static bool IsReadOrRefused(byte[] bytes)
    {
        try
        {
            using var stream = new MemoryStream(bytes);
            var file = ScoreFileReader.Read(stream, "f.json");
            return file.InGraph.EdgeCount <= file.Graph.Edges;
        }
        catch (InputException e)
        {
            return e.Message.StartsWith("f.json: ", StringComparison.Ordinal) && !e.Message.Any(char.IsControl) && e.Message.Length < 400;
        }
    }

    [Fact]
    public void EveryPrefixIsRefused()
    {
        for (var length = 0; length < Valid.Length - 2; length += 7)
        {
            using var stream = new MemoryStream(Valid, 0, length);
            Assert.Throws<InputException>(() => ScoreFileReader.Read(stream, "f.json"));
        }
    }

    [Fact]
    public void ChangedBytesNeverDoMoreThanBeRefused()
    {
        var random = new Random(1);
        for (var trial = 0; trial < 8_000; trial++)
        {
            var bytes = (byte[])Valid.Clone();
            for (var changes = random.Next(1, 4); changes > 0; changes--) bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            Assert.True(IsReadOrRefused(bytes), $"trial {trial}");
        }
    }

    [Fact]
    public void ChangedTokensNeverDoMoreThanBeRefused()
    {
        string[] pieces =
        [
            "null", "true", "-0", "1e308", "1e999", "-1", "2147483648", "\"\"", "\"\\u0000\"", "\"\\ud800\"", "[]", "{}", "[[[[", "}}", "\"cfg\": {},", "\"edges\": {},",
            "\"input->m0\": {},", "\"m9\": true,", "0.1", "NaN", "\uFEFF", "/**/", ",", ":",
        ];
        var text = Encoding.UTF8.GetString(Valid);
        var cuts = Enumerable.Range(0, text.Length).Where(i => "{}[],:\" ".Contains(text[i])).ToArray();
        var random = new Random(2);
        for (var trial = 0; trial < 8_000; trial++)
        {
            int from = cuts[random.Next(cuts.Length)], to = random.Next(3) == 0 ? from : cuts[Math.Min(Array.IndexOf(cuts, from) + random.Next(1, 6), cuts.Length - 1)];
            Assert.True(IsReadOrRefused(Encoding.UTF8.GetBytes(text[..from] + pieces[random.Next(pieces.Length)] + text[to..])), $"trial {trial}");
        }
    }

    [Fact]
    public void AnyBytesAreRefused() =>
        Prop.ForAll<byte[]>(bytes => IsReadOrRefused(bytes) && IsReadOrRefused([.. "{\"cfg\": "u8, .. bytes]))
            .Check(Config.QuickThrowOnFailure.WithMaxTest(2000).WithReplay(17, 19));
}
