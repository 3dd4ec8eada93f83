using System.Text.Json;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Circuits;
using Xunit;

namespace Faith.Engine.Tests.Reports;

public sealed class ScoreFileTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("faith-scores-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private string At(string name) => Path.Combine(folder, name);

    private ScoreFile Parse(string json)
    {
        File.WriteAllText(At("given.json"), json);
        return ScoreFile.Read(At("given.json"));
    }

    // 1 layer, 1 head, attention beside the MLP: the smallest file there is.
    private const string Config = """{"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": true, "d_model": 2}""";
    private const string Edges = """
        {"input->a0.h0<q>": {"score": 0.5, "in_graph": true}, "input->a0.h0<k>": {"score": -1e-3, "in_graph": false},
         "input->a0.h0<v>": {"score": 1, "in_graph": false}, "input->m0": {"score": 0, "in_graph": false},
         "input->logits": {"score": 3, "in_graph": false}, "a0.h0->logits": {"score": 4, "in_graph": true}, "m0->logits": {"score": 5, "in_graph": false}}
        """;
    private const string Nodes = """{"input": {"in_graph": true}, "a0.h0": {"in_graph": true}, "m0": {"in_graph": false}, "logits": {"in_graph": true}}""";

    [Theory]
    [InlineData(1, 1, false)]
    [InlineData(3, 4, false)]
    [InlineData(3, 4, true)]
    public void WhatIsWrittenReadsBackBitForBit(int layers, int heads, bool parallel)
    {
        var graph = new ModelGraph(layers, heads, parallel);
        var random = new Random(layers);
        var scores = Small.RandomScores(graph, 2);
        foreach (var e in Circuit.Full(graph).Edges.Take(4)) scores.Values[e] = new[] { double.Epsilon, double.MaxValue, -1e-300, 1 / 3.0 }[e % 4];
        var neurons = new NeuronSet(graph, 3, [0, 2, .. Enumerable.Range(3, 3 * graph.Sources - 4)]);
        var file = new ScoreFile
        {
            Graph = graph,
            DModel = 3,
            Scores = scores,
            InGraph = new Circuit(graph, RandomCircuits.Sample(graph, 3, 1).Edges, neurons),
            Nodes = [.. Enumerable.Range(0, graph.Nodes).Select(i => i == 0 ? NodeEntry.None : new NodeEntry(random.NextDouble(), [random.NextDouble(), -1.5, 0]))],
            Run = new RunRecord
            {
                Version = "0.1.0", Model = "a \"model\" é\n", ModelHash = "00ff", Data = "d", DataHash = "1", Method = "eap-ig", Steps = 5, Rule = "left",
                Metric = "kl", Ablation = "patching", Level = "edge", Device = "cpu", Examples = 20, CompletenessGap = 0.04, Seconds = 1.25,
                Options = new SortedDictionary<string, string> { ["b"] = "2", ["a"] = "1" },
            },
        };
        file.Write(At("out.json"));
        var back = ScoreFile.Read(At("out.json"));

        Assert.Equal(graph, back.Graph);
        Assert.Equal(3, back.DModel);
        Assert.Equal(scores.Values, back.Scores!.Values);
        Assert.Equal(file.InGraph.Edges, back.InGraph.Edges);
        Assert.Equal(3, back.InGraph.Neurons!.Width);
        for (var n = 0; n < neurons.Most; n++) Assert.Equal(neurons.Contains(new(n / 3), n % 3), back.InGraph.Neurons.Contains(new(n / 3), n % 3));
        for (var i = 0; i < graph.Nodes; i++)
        {
            Assert.Equal(file.Nodes[i].Score, back.Nodes![i].Score);
            Assert.Equal(file.Nodes[i].NeuronScores, back.Nodes[i].NeuronScores);
        }
        Assert.Equal(file.Run with { Options = back.Run!.Options }, back.Run);
        Assert.Equal(file.Run.Options, back.Run.Options);

        back.Write(At("again.json"));
        Assert.Equal(File.ReadAllBytes(At("out.json")), File.ReadAllBytes(At("again.json")));
        Assert.Equal(["again.json", "out.json"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
    }

    [Fact]
    public void WrittenFilesAreOfTheSchema()
    {
        var graph = new ModelGraph(1, 1);
        new ScoreFile { Graph = graph, DModel = 8, Scores = Small.Scores(graph, ("input->m0", 0.25)), InGraph = Small.Circuit(graph, "input->m0", "m0->logits") }.Write(At("f.json"));
        var text = File.ReadAllText(At("f.json"));
        using var json = JsonDocument.Parse(text);
        Assert.Equal(["cfg", "nodes", "edges"], json.RootElement.EnumerateObject().Select(p => p.Name));
        Assert.Equal(["n_layers", "n_heads", "parallel_attn_mlp", "d_model"], json.RootElement.GetProperty("cfg").EnumerateObject().Select(p => p.Name));
        Assert.Equal("input:True a0.h0:False m0:True logits:True", string.Join(' ', json.RootElement.GetProperty("nodes").EnumerateObject().Select(p => $"{p.Name}:{p.Value.GetProperty("in_graph").GetBoolean()}")));
        Assert.Contains("\n\"input->m0\": {\"score\": 0.25, \"in_graph\": true},\n", text);
    }

    [Fact]
    public void AFileWithoutScoresHasNone()
    {
        var graph = new ModelGraph(2, 2);
        new ScoreFile { Graph = graph, InGraph = Small.Circuit(graph, "input->logits") }.Write(At("f.json"));
        var back = ScoreFile.Read(At("f.json"));
        Assert.Null(back.Scores);
        Assert.Null(back.Nodes);
        Assert.Null(back.Run);
        Assert.Equal(0, back.DModel);
        Assert.Equal(["input->logits"], Small.Names(back.InGraph));
    }

    [Fact]
    public void KeysMayComeInAnyOrderAndUnknownOnesAreIgnored()
    {
        var file = Parse("\uFEFF" + $$$"""{"x": [{"cfg": 1}, [[]]], "edges": {{{Edges.Replace("\"in_graph\": true", "\"in_graph\": true, \"weight\": [1, {}]")}}}, "nodes": {{{Nodes}}}, "run": {"steps": null, "then": {}, "method": "eap"}, "cfg": {"model": "g", "n_heads": 1, "n_layers": 1, "parallel_attn_mlp": true}}""");
        Assert.Equal(Small.Sorted("input->a0.h0<q>", "a0.h0->logits"), Small.Names(file.InGraph));
        Assert.Equal(4, file.Scores![file.Graph.Edge(new(1), new(4))]);
        Assert.Equal(("eap", null), (file.Run!.Method, file.Run.Steps));
    }

    [Fact]
    public void TheOlderFormWithBareNodesIsRead()
    {
        var file = Parse($$$"""{"cfg": {{{Config}}}, "nodes": {"input": true, "a0.h0": true, "m0": false, "logits": true}, "edges": {{{Edges}}}}""");
        Assert.Equal(2, file.InGraph.EdgeCount);
        Assert.Null(file.Nodes);
    }

    [Fact]
    public void EscapedNamesAreTheSameNames() =>
        Assert.Equal(2, Parse($$$"""{"c\u0066g": {{{Config}}}, "edges": {{{Edges.Replace("->", "-\\u003e")}}}}""").InGraph.EdgeCount);

    [Theory]
    [InlineData("", "0 bytes")]
    [InlineData("[]", "should be an object")]
    [InlineData("{}", "has no \"cfg\"")]
    [InlineData("{\"cfg\": {\"n_layers\": 1, \"n_heads\": 1", "line 1")]
    [InlineData("{\"cfg\": 3}", "cfg: should be an object")]
    [InlineData("{\"cfg\": {\"n_heads\": 1}}", "cfg: lacks n_layers")]
    [InlineData("{\"cfg\": {\"n_layers\": 1}}", "cfg: lacks n_heads")]
    [InlineData("{\"cfg\": {\"n_layers\": 1000000000, \"n_heads\": 1}}", "cfg.n_layers: should be a whole number from 1 to")]
    [InlineData("{\"cfg\": {\"n_layers\": 1.5, \"n_heads\": 1}}", "cfg.n_layers: should be a whole number")]
    [InlineData("{\"cfg\": {\"n_layers\": -1, \"n_heads\": 1}}", "cfg.n_layers")]
    [InlineData("{\"cfg\": {\"n_layers\": \"1\", \"n_heads\": 1}}", "cfg.n_layers")]
    [InlineData("{\"cfg\": {\"n_layers\": 1e999, \"n_heads\": 1}}", "cfg.n_layers")]
    [InlineData("{\"cfg\": {\"n_layers\": 1, \"n_heads\": 0}}", "cfg.n_heads")]
    [InlineData("{\"cfg\": {\"n_layers\": 9999, \"n_heads\": 9999}}", "more than can be handled")]
    [InlineData("{\"cfg\": {\"n_layers\": 50, \"n_heads\": 50}}", "which are too many for a file of")]
    [InlineData("{\"cfg\": {\"n_layers\": 1, \"n_heads\": 1, \"parallel_attn_mlp\": 0}}", "cfg.parallel_attn_mlp: should be true or false")]
    public void AbsurdConfigurationsAreRefused(string json, string expected) => Refused(json, expected);

    [Theory]
    [InlineData("\"m0->logits\"", "\"m1->logits\"", "edges: \"m1->logits\" is not an edge of a model of 1 layers and 1 heads")]
    [InlineData("\"m0->logits\"", "\"a0.h0->m0\"", "\"a0.h0->m0\" is not an edge")]
    [InlineData("\"m0->logits\"", "\"m0->\\u001b[2J\\n\"", "\"m0->\\u001b[2J\\n\" is not an edge")]
    [InlineData("\"m0->logits\"", "\"input->m0\"", "edges[\"input->m0\"]: given twice")]
    [InlineData("\"score\": 5, ", "", "edges[\"m0->logits\"]: has no score")]
    [InlineData("\"score\": 5", "\"score\": \"5\"", "edges[\"m0->logits\"].score: should be a number")]
    [InlineData("\"score\": 5", "\"score\": null", "edges[\"m0->logits\"].score: should be a number")]
    [InlineData("\"score\": 5", "\"score\": 1e999", "edges[\"m0->logits\"].score: should be a finite number")]
    [InlineData("\"score\": 5", "\"score\": 5, \"score\": 6", "edges[\"m0->logits\"].score: given twice")]
    [InlineData("\"score\": 5", "\"score\": NaN", "edges[\"m0->logits\"].score: is NaN or infinite")]
    [InlineData("\"score\": 5", "\"score\": -Infinity", "edges[\"m0->logits\"].score: is NaN or infinite")]
    [InlineData("\"score\": 5, \"in_graph\": false", "\"score\": 5, \"in_graph\": 1", "edges[\"m0->logits\"].in_graph: should be true or false")]
    [InlineData("{\"score\": 5, \"in_graph\": false}", "5", "edges[\"m0->logits\"]: should be an object")]
    [InlineData("\"score\": 5, \"in_graph\": false", "\"score\": 5, \"in_graph\": true", "edges[\"m0->logits\"]: is in the graph but its node m0 is not")]
    [InlineData("\"m0\": {", "\"m1\": {", "nodes: \"m1\" is not a node")]
    [InlineData("\"m0\": {", "\"input\": {", "nodes[\"input\"]: given twice")]
    [InlineData("\"m0\": {\"in_graph\": false}", "\"m0\": 1", "nodes[\"m0\"]: should be an object or true or false")]
    [InlineData("\"m0\": {\"in_graph\": false}", "\"m0\": {\"neurons\": [true]}", "nodes[\"m0\"].neurons: has 1 entries where d_model is 2")]
    [InlineData("\"m0\": {\"in_graph\": false}", "\"m0\": {\"neurons\": [true, 1]}", "nodes[\"m0\"].neurons: should hold only true and false")]
    [InlineData("\"m0\": {\"in_graph\": false}", "\"m0\": {\"neurons_scores\": [1, [2]]}", "nodes[\"m0\"].neurons_scores: should hold only finite numbers")]
    [InlineData("\"m0\": {\"in_graph\": false}", "\"m0\": {\"score\": \"\"}", "nodes[\"m0\"].score: should be a number")]
    [InlineData("\"run\": {}", "\"run\": 1", "run: should be an object")]
    [InlineData("\"run\": {}", "\"run\": {\"steps\": 1.5}", "run.steps: should be a whole number")]
    [InlineData("\"run\": {}", "\"run\": {\"method\": []}", "run.method: should be a string")]
    [InlineData("\"run\": {}", "\"run\": {\"options\": {\"a\": 1}}", "run.options: should be a string")]
    [InlineData("\"run\": {}", "\"edges\": {}", "edges: given twice")]
    [InlineData("\"run\": {}", "\"run\": {}} x", "not valid JSON at line")]
    public void WrongEntriesAreRefusedByName(string from, string to, string expected)
    {
        var json = $$$"""{"cfg": {{{Config}}}, "nodes": {{{Nodes}}}, "edges": {{{Edges}}}, "run": {}}""";
        Parse(json);
        var at = json.LastIndexOf(from, StringComparison.Ordinal);
        if (from.StartsWith("\"m0\": {", StringComparison.Ordinal)) at = json.IndexOf(from, StringComparison.Ordinal);
        Refused(json[..at] + to + json[(at + from.Length)..], expected);
    }

    [Fact]
    public void ANodeThatNamesNoNeuronsHasThemAll()
    {
        var neurons = Parse($$$"""{"cfg": {{{Config}}}, "nodes": {"a0.h0": {"neurons": [false, true]}}, "edges": {{{Edges}}}}""").InGraph.Neurons!;
        Assert.Equal((5, 1), (neurons.Count, neurons.CountOf(new(1))));
        Assert.True(neurons.HasAllOf(new(0)) && neurons.Contains(new(1), 1) && neurons.HasAllOf(new(2)));
        Assert.Null(Parse($$$"""{"cfg": {{{Config}}}, "nodes": {"logits": {"neurons": [false, true]}}, "edges": {{{Edges}}}}""").InGraph.Neurons);
    }

    [Fact]
    public void NeuronsOfUnequalNumberAreRefused() => Refused(
        $$$"""{"cfg": {"n_layers": 1, "n_heads": 1, "parallel_attn_mlp": true}, "nodes": {"input": {"neurons": [true, true]}, "m0": {"neurons": [true]}}, "edges": {{{Edges}}}}""",
        "nodes[\"m0\"].neurons: has 1 entries where others have 2");

    [Fact]
    public void DeepAndHugeValuesAreRefused()
    {
        Refused(new string('[', 100_000), "should be an object");
        Refused("{\"x\": " + new string('[', 100_000), "not valid JSON");
        Refused("{\"x\": \"" + new string('y', 3_000_000) + "\"}", "more than a megabyte");
        Refused("{\"" + new string('y', 3_000_000) + "\": 1}", "more than a megabyte");
        Refused("{\"x\": " + new string('1', 3_000_000) + "}", "more than a megabyte");
    }

    [Fact]
    public void TextThatIsNotUtf8IsRefused()
    {
        File.WriteAllBytes(At("given.json"), [.. "{\""u8, 0xFF, 0xFE, .. "\": 1, \"cfg\": {}}"u8]);
        Assert.Throws<InputException>(() => ScoreFile.Read(At("given.json")));
        Refused("{\"\\ud800\": 1}", "not valid UTF-8");
    }

    [Fact]
    public void ValuesAcrossTheEndOfTheBufferAreRead()
    {
        var file = Parse($$"""{"x": [{{string.Join(",\n", Enumerable.Range(0, 40_000).Select(i => $"\"{new string('z', i % 90)}\", {i}.5e-3"))}}], "cfg": {{Config}}, "edges": {{Edges}}}""");
        Assert.Equal(2, file.InGraph.EdgeCount);
    }

    [Fact]
    public void MissingFilesAndFoldersAreInputErrors()
    {
        Assert.Contains("there is no such file", Assert.Throws<InputException>(() => ScoreFile.Read(At("none.json"))).Message);
        Assert.Throws<InputException>(() => ScoreFile.Read(folder));
        var graph = new ModelGraph(1, 1);
        var file = new ScoreFile { Graph = graph, InGraph = Circuit.Empty(graph) };
        Assert.Contains("folder does not exist", Assert.Throws<InputException>(() => file.Write(At("no/such.json"))).Message);
        Assert.Contains("is a folder", Assert.Throws<InputException>(() => file.Write(folder)).Message);
    }

    [Fact]
    public void AFailedWriteLeavesTheOldFileAndNothingElse()
    {
        var graph = new ModelGraph(1, 1);
        File.WriteAllText(At("f.json"), "old");
        var file = new ScoreFile { Graph = graph, InGraph = Circuit.Empty(graph), Scores = Small.Scores(graph, ("m0->logits", double.NaN)) };
        Assert.Contains("m0->logits", Assert.Throws<InputException>(() => file.Write(At("f.json"))).Message);
        Assert.Equal("old", File.ReadAllText(At("f.json")));
        Assert.Single(Directory.GetFiles(folder));
    }

    [Fact]
    public void ALinkStaysALink()
    {
        var graph = new ModelGraph(1, 1);
        File.CreateSymbolicLink(At("link.json"), At("f.json"));
        foreach (var _ in new int[2]) new ScoreFile { Graph = graph, InGraph = Circuit.Empty(graph) }.Write(At("link.json"));
        Assert.NotNull(new FileInfo(At("link.json")).LinkTarget);
        Assert.Equal(0, ScoreFile.Read(At("f.json")).InGraph.EdgeCount);
    }

    [Fact]
    public void EdgesThatAreNotListedAreOutsideWithScoreZero()
    {
        var file = Parse($$$$"""{"cfg": {{{{Config}}}}, "edges": {"m0->logits": {"score": -2.5, "in_graph": true}, "input->m0": {"score": 1, "in_graph": true}}}""");
        Assert.Equal(2, file.InGraph.EdgeCount);
        Assert.Equal(-1.5, file.Scores!.Values.Sum(v => v), 6);
        Assert.Equal(2, file.Scores.Values.Count(v => v != 0));
        Refused($$$$"""{"cfg": {{{{Config}}}}, "edges": {}}""", "lists none of the 7 edges");
        Refused($$$$"""{"cfg": {{{{Config}}}}, "nodes": {{{{Nodes}}}}}""", "lists none of the 7 edges");
    }

    [Fact]
    public void ScoresOfNodesOrNeuronsAloneAreRead()
    {
        var file = Parse($$$$"""{"cfg": {{{{Config}}}}, "nodes": {"a0.h0": {"in_graph": false, "score": 2}, "m0": {"neurons_scores": [1, -1]}}}""");
        Assert.Null(file.Scores);
        Assert.Equal(0, file.InGraph.EdgeCount);
        Assert.Equal([null, 2, null, null], file.Nodes!.Select(node => node.Score));
        Assert.Equal([1, -1], file.Nodes![2].NeuronScores);
    }

    [Fact]
    public void OtherFilesAreCalledByTheirNames()
    {
        void Is(byte[] content, string what)
        {
            File.WriteAllBytes(At("other"), content);
            Assert.Contains(what, Assert.Throws<InputException>(() => ScoreFile.Read(At("other"))).Message);
        }
        Is([.. "PK\u0003\u0004 archive"u8], "is a damaged ZIP archive");
        Is([0x80, 2, (byte)'c'], "Python pickle");
        Is([.. "version https://git-lfs.github.com/spec/v1"u8], "Git LFS pointer");
        Is([0xFF, 0xFE, (byte)'{', 0], "UTF-16");
        Is([.. "{\"clean\": \"x\"}"u8], "belongs to --data");
        Is([.. "{ \"answers\": [1]}"u8], "belongs to --data");
        Is([.. "PAR1 and more"u8], "is a Parquet file");
        Is([(byte)'{', 0, (byte)'"', 0], "UTF-16");
        Is([.. "a0.h0->logits\n"u8], "is not JSON; scores and circuits are JSON with cfg, nodes and edges");
    }

    [SharedDataFact("mib/ioi-eap-ig.json")]
    public void APublishedFileGoesThroughUnchanged()
    {
        var path = SharedData.Find("mib/ioi-eap-ig.json")!;
        var file = ScoreFile.Read(path);
        Assert.Equal(new ModelGraph(12, 12), file.Graph);
        Assert.Equal(768, file.DModel);
        Assert.Equal(32_491, file.Graph.Edges);
        Assert.Equal(756, file.InGraph.EdgeCount);
        Assert.Equal(756, Pruning.Prune(file.InGraph).EdgeCount);
        file.Write(At("again.json"));

        using var expected = JsonDocument.Parse(File.ReadAllBytes(path));
        using var actual = JsonDocument.Parse(File.ReadAllBytes(At("again.json")));
        Assert.True(JsonElement.DeepEquals(expected.RootElement, actual.RootElement));
        // The entries come in the same order, and the scores are the same to the last bit.
        foreach (var part in new[] { "nodes", "edges" })
        {
            Assert.Equal(Entries(expected, part), Entries(actual, part));
        }
        Assert.Equal(file.Scores!.Values, ScoreFile.Read(At("again.json")).Scores!.Values);

        static IEnumerable<(string, double, bool)> Entries(JsonDocument json, string part) => json.RootElement.GetProperty(part).EnumerateObject()
            .Select(p => (p.Name, p.Value.TryGetProperty("score", out var s) ? s.GetDouble() : 0, p.Value.GetProperty("in_graph").GetBoolean()));
    }

    [Fact]
    public void ParallelFilesPutTheMlpAfterTheHeadsOfTheSameSource()
    {
        var graph = new ModelGraph(2, 2, Parallel: true);
        var names = ScoreFile.EdgeOrder(graph).Select(e => graph.EdgeName(e)).ToArray();
        Assert.Equal(graph.Edges, names.Distinct().Count());
        Assert.Equal(["input->a0.h1<v>", "input->m0", "input->a1.h0<q>"], names[5..8]);
        Assert.Equal("m1->logits", names[^1]);
    }

    [Fact]
    public void EveryPrefixIsRefused()
    {
        var whole = $$"""{"cfg": {{Config}}, "nodes": {{Nodes}}, "edges": {{Edges}}}""".TrimEnd();
        Assert.NotNull(Parse(whole).Scores);
        for (var length = 0; length < whole.Length; length++) Refused(whole[..length], "");
    }

    private void Refused(string json, string expected)
    {
        var message = Assert.Throws<InputException>(() => Parse(json)).Message;
        Assert.StartsWith(At("given.json") + ": ", message);
        Assert.Contains(expected, message);
        Assert.DoesNotContain('\n', message);
        Assert.True(message.Length < folder.Length + 300, message);
    }
}
