using System.Text.Json;
using System.Text.Json.Nodes;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Data;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>`faith mib`, on data of the benchmark's columns that are made here and on the shipped model.</summary>
public sealed class MibCommandTests : CliTest
{
    private static readonly (string Io, string Subject)[] Names = [("Ida", "Leo"), ("Nina", "Mark"), ("Mark", "Ida"), ("Leo", "Nina"), ("Ida", "Mark"), ("Greta", "Leo")];

    [Fact]
    public void Every_cell_is_listed()
    {
        var output = Done("mib", "cells");
        foreach (var cell in (string[])["ioi_gpt2", "ioi_interpbench", "mcqa_qwen2.5", "arithmetic-addition_llama3", "arc-easy_gemma2", "arc-challenge_llama3"]) Assert.Contains(cell, output, StringComparison.Ordinal);
        Refused("--cell ioi_gpt is not known; known: ioi_gpt2", "mib", "attribute", "--cell", "ioi_gpt", "--data", Folder, "--out", At("s"));
    }

    [Fact]
    public void A_cell_is_scored_and_measured_end_to_end()
    {
        Directory.CreateDirectory(At("ioi"));
        ParquetFile.Write(Path.Combine(At("ioi"), "train-00000-of-00001.parquet"), Rows(6));
        ParquetFile.Write(Path.Combine(At("ioi"), "validation-00000-of-00002.parquet"), Rows(3));
        ParquetFile.Write(Path.Combine(At("ioi"), "validation-00001-of-00002.parquet"), Rows(6).Skip(3));
        string[] on = ["--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", At("ioi")];
        Assert.Contains("on 6 examples of ioi train", Done(["mib", "attribute", .. on, "--out", At("submission")]), StringComparison.Ordinal);
        var scores = Path.Combine(At("submission"), "ioi_gpt2", "importances.json");
        Assert.Contains("mib_cell", File.ReadAllText(scores), StringComparison.Ordinal);
        var output = Done(["mib", "evaluate", .. on, "--scores", scores, "--json", At("score.json")]);
        Done(["mib", "evaluate", .. on, "--scores", scores, "--absolute", "--json", At("size.json")]);
        var (byScore, bySize) = (Json("score.json"), Json("size.json"));
        foreach (var result in (JsonNode[])[byScore, bySize])
        {
            Assert.Equal("ioi_gpt2", (string?)result["cell"]);
            Assert.Equal([0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1], Numbers(result["p"]!));
            var (p, f) = (Numbers(result["p"]!), Numbers(result["faithfulness"]!));
            Assert.Equal(1, f[^1]);
            Assert.Equal(Area(p, f), (double)result["cpr"]!, 1e-12);
            Assert.Equal(Area(p, [.. f.Select(value => Math.Abs(1 - value))]), (double)result["cmd"]!, 1e-12);
            Assert.Equal(f.Average(), (double)result["average"]!, 1e-12);
            Assert.InRange((double)result["acc_auc"]!, 0, 1);
            Assert.True((double)result["full"]! > (double)result["empty"]!);
        }
        Assert.Equal(bySize["cmd"]!.ToJsonString(), byScore["by_size"]!["cmd"]!.ToJsonString());
        Assert.Equal(bySize["by_score"]!["faithfulness"]!.ToJsonString(), byScore["faithfulness"]!.ToJsonString());
        Assert.Contains("the benchmark's table: CPR ", output, StringComparison.Ordinal);
        // Rows as JSONL are the same data.
        File.WriteAllLines(At("rows.jsonl"), Rows(6).Select(row => JsonSerializer.Serialize(row)));
        Done(["mib", "evaluate", "--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", At("rows.jsonl"), "--scores", scores, "--json", At("lines.json")]);
        Assert.Equal(Measured(byScore), Measured(Json("lines.json")));

        static string Measured(JsonNode result)
        {
            result.AsObject().Remove("run");
            return result.ToJsonString();
        }

        static double Area(double[] p, double[] f) => Enumerable.Range(1, p.Length - 1).Sum(i => (p[i] - p[i - 1]) * (f[i - 1] + f[i]) / 2);
    }

    [Fact]
    public void Nodes_and_neurons_are_measured_too()
    {
        ParquetFile.Write(At("train.parquet"), Rows(3));
        string[] on = ["--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", At("train.parquet")];
        Done(["mib", "attribute", .. on, "--level", "neuron", "--method", "eap", "--out", At("out")]);
        foreach (var level in (string[])["node", "neuron"])
        {
            Done(["mib", "evaluate", .. on, "--level", level, "--scores", Path.Combine(At("out"), "ioi_gpt2", "importances.json"), "--json", At($"{level}.json")]);
            Assert.Equal(10, Numbers(Json($"{level}.json")["faithfulness"]!).Length);
        }
    }

    [Fact]
    public void Rows_that_the_benchmark_or_the_model_cannot_use_are_left_out_and_counted()
    {
        // A name of several tokens; a counterfactual that is longer.
        var rows = Rows(4).ToArray();
        rows[0].metadata!.random_c = "Xqzzvw";
        rows[1].s2_io_flip_counterfactual!.prompt += " to";
        ParquetFile.Write(At("train.parquet"), rows);
        var (code, output, error) = Run("mib", "attribute", "--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", At("train.parquet"), "--method", "eap", "--out", At("out"));
        Assert.True(code == 0, error);
        Assert.Contains("on 2 examples of ioi train", output, StringComparison.Ordinal);
        Assert.Contains("1 rows of ", error, StringComparison.Ordinal);
        Assert.Contains("different numbers of tokens", error, StringComparison.Ordinal);
    }

    [Fact]
    public void Other_tasks_have_their_own_columns()
    {
        var choices = Write("mcqa.jsonl", """{"prompt": "When Ida and Leo", "choices": {"label": [" Ida", " Leo"], "text": ["x", "y"]}, "answerKey": 1, "symbol_counterfactual": {"prompt": "When Mark and Leo", "choices": {"label": [" Ida", " Leo"]}, "answerKey": 0}}""");
        Done("mib", "attribute", "--cell", "mcqa_qwen2.5", "--model", "tasks-4l", "--data", choices, "--method", "eap", "--out", At("out"));
        Refused("line 1: there is no counterfactual \"noun_counterfactual\"; there are symbol_counterfactual", "mib", "attribute", "--cell", "mcqa_qwen2.5", "--model", "tasks-4l", "--data", choices, "--counterfactual", "noun", "--method", "eap", "--out", At("other"));
        Refused("line 1: there is no counterfactual \"s2_io_flip_counterfactual\"; it is no row of the benchmark's data", "mib", "attribute", "--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", Write("none.jsonl", """{"prompt": "a"}"""), "--out", At("other"));
        Refused("\"metadata.indirect_object\" is missing", "mib", "attribute", "--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", Write("bad.jsonl", """{"prompt": "a", "s2_io_flip_counterfactual": {"prompt": "b"}}"""), "--out", At("other"));
        var sums = Write("sums.jsonl", """
            {"prompt": "When Ida and", "label": " Ida", "operator": "*", "random_counterfactual": {"prompt": "When Leo and", "label": " Leo"}}
            {"prompt": "When Ida and", "label": " Ida", "operator": "+", "random_counterfactual": {"prompt": "When Leo and", "label": " Leo"}}
            {"prompt": "When Ida and", "label": " Ida", "operator": "+", "random_counterfactual": null}
            """);
        var (code, output, error) = Run("mib", "attribute", "--cell", "arithmetic-addition_llama3", "--model", "tasks-4l", "--data", sums, "--method", "eap", "--out", At("out"));
        Assert.True(code == 0, error);
        Assert.Contains("on 1 examples of arithmetic-addition train", output, StringComparison.Ordinal);
        Refused("of 1 rows of the train split none is left", "mib", "attribute", "--cell", "arithmetic-addition_llama3", "--model", "tasks-4l", "--data", Write("times.jsonl", """{"prompt": "When Ida and", "label": " Ida", "operator": "*", "random_counterfactual": {"prompt": "When Leo and", "label": " Leo"}}"""), "--out", At("other"));
        Refused("holds no train split of mib-bench/ioi", "mib", "attribute", "--cell", "ioi_gpt2", "--model", "tasks-4l", "--data", Folder, "--out", At("other"));
    }

    [Fact]
    public void A_submission_is_checked()
    {
        WriteScores("good/ioi_gpt2/importances.json", 12, 12, 1);
        WriteScores("good/mcqa_qwen2.5/importances.json", 24, 14, 1);
        Assert.Contains("can be submitted", Done("mib", "check", At("good")), StringComparison.Ordinal);
        Refused("is a file; a submission is a folder with one folder a cell", "mib", "check", Write("file", ""));
        Refused("folder was given an empty name", "mib", "check", "");
        WriteScores("few/ioi_gpt2/importances.json", 12, 12, 1);
        WrongIn("few", "cells of fewer than 2 models");
        WriteScores("bad/ioi_gpt2/importances.json", 24, 14, 1);
        WrongIn("bad", "is of a model with 24 layers of 14 heads; gpt2 has 12 of 12");
        WriteScores("zero/ioi_gpt2/importances.json", 12, 12, 0);
        WrongIn("zero", "has no score of its edges");
        WriteScores("named/ioi_gpt3/importances.json", 12, 12, 1);
        WrongIn("named", "is called as no cell");
        WriteScores("two/ioi_gpt2/a.json", 12, 12, 1);
        WriteScores("two/ioi_gpt2/b.json", 12, 12, 1);
        WrongIn("two", "holds 2 files of scores");
        // Nine circuits, of which the fifth is larger than 2 % of the edges.
        WriteNine("nine/ioi_gpt2", [0.001, 0.002, 0.005, 0.01, 0.03, 0.05, 0.1, 0.2, 0.5]);
        WrongIn("nine", "its circuit number 5 by size has");
        WriteNine("fine/ioi_gpt2", [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5]);
        WriteScores("fine/mcqa_qwen2.5/importances.json", 24, 14, 1);
        Assert.Contains("ioi_gpt2: 9 circuits of 32 to 16245 edges", Done("mib", "check", At("fine")), StringComparison.Ordinal);

        void WrongIn(string folder, string message)
        {
            var (code, output, error) = Run("mib", "check", At(folder));
            Assert.Equal(2, code);
            Assert.Contains(message, error + output, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void Every_entry_of_a_submission_is_looked_at()
    {
        WriteScores("bad/ioi_gpt2/importances.json", 12, 12, 1);
        WriteScores("bad/mcqa_qwen2.5/importances.json", 24, 14, 1);
        var path = Path.Combine(At("bad"), "ioi_gpt2", "importances.json");
        var good = File.ReadAllText(path);
        Faults([]);
        Faults(["edges[\"input->a3.h12<q>\"] is no edge of gpt2, and 1 more", "is not there; a file of scores has all 32491 of gpt2, and 1 more"], ("\"input->a3.h1<q>\"", "\"input->a3.h12<q>\""), ("\"m0->logits\"", "\"m0->nowhere\""));
        Faults(["edges[\"input->m0\"] has NaN for a score, and 1 more", "edges[\"input->m1\"] has infinity for a score", "edges[\"input->m3\"] has a score that is no number"],
            ("\"input->m0\": {\"score\": 0", "\"input->m0\": {\"score\": NaN"), ("\"input->m2\": {\"score\": 0", "\"input->m2\": {\"score\": NaN"), ("\"input->m1\": {\"score\": 0", "\"input->m1\": {\"score\": -Infinity"), ("\"input->m3\": {\"score\": 0", "\"input->m3\": {\"score\": [0]"));
        Faults(["edges[\"input->m4\"] has no score, which the benchmark's reader asks of every edge"], ("\"input->m4\": {\"score\": 0, ", "\"input->m4\": {"));
        Faults(["edges[\"input->m5\"] is given twice", "edges[\"input->m6\"] is not there; a file of scores has all 32491 of gpt2"], ("\"input->m6\"", "\"input->m5\""));
        Faults(["has no score of its edges, nor of all of its nodes, other than 0"], ("{\"score\": 1,", "{\"score\": 0,"), ("\"a1.h1\": {", "\"a1.h1\": {\"score\": 0.5, "));
        Faults(["nodes[\"a12.h0\"] is no node of gpt2"], ("\"a1.h1\": {", "\"a1.h1\": {}, \"a12.h0\": {"), ("\"a1.h1\": {}, \"a12.h0\"", "\"a1.h1\": {\"in_graph\": false}, \"a12.h0\""));
        Faults(["has no \"cfg\""], ("\"cfg\"", "\"config\""));
        Faults(["not valid JSON at line"], ("\"nodes\": {", "\"nodes\": {,"));
        // Nodes in place of edges: each must have a score, and those of the input count.
        File.WriteAllText(path, Nodes(false));
        Check([]);
        File.WriteAllText(path, Nodes(true));
        Check(["nodes[\"m3\"] has NaN for a score", "nodes[\"a0.h7\"] is not there; a file of scores has all 157 of gpt2"]);

        void Faults(string[] expected, params (string From, string To)[] changes)
        {
            var text = good;
            foreach (var (from, to) in changes)
            {
                Assert.Contains(from, text, StringComparison.Ordinal);
                text = text.Replace(from, to, StringComparison.Ordinal);
            }
            File.WriteAllText(path, text);
            Check(expected);
        }

        void Check(string[] expected)
        {
            var (code, output, error) = Run("mib", "check", At("bad"));
            Assert.Equal(expected.Length == 0 ? 0 : 2, code);
            foreach (var line in expected) Assert.Contains(line, error + output, StringComparison.Ordinal);
            Assert.Equal(expected.Length, (error + output).Split('\n').Count(line => line.Contains("importances.json: ", StringComparison.Ordinal)));
        }

        static string Nodes(bool damaged)
        {
            string[] names = ["input", .. Enumerable.Range(0, 12).SelectMany(l => Enumerable.Range(0, 12).Select(h => $"a{l}.h{h}").Append($"m{l}")), "logits"];
            return "{\"cfg\": {\"n_layers\": 12, \"n_heads\": 12}, \"nodes\": {" + string.Join(",", names.Where(name => !damaged || name != "a0.h7")
                .Select(name => $"\"{name}\": {{\"in_graph\": false{(name == "logits" ? "" : damaged && name == "m3" ? ", \"score\": NaN" : ", \"score\": 0.5")}}}")) + "}}";
        }
    }

    [Fact]
    public void The_benchmark_has_an_area_of_its_own()
    {
        var graph = new ModelGraph(2, 2);
        var known = new Circuit(graph, graph.AllEdges.Where(edge => edge.Index % 3 == 0));
        var random = new Random(3);
        var values = new double[graph.Pairs];
        foreach (var edge in graph.AllEdges) values[edge] = random.NextDouble() - 0.5 + (known.Contains(edge) ? 0.4 : 0);
        var scores = new EdgeScores(graph, values);
        new ScoreFile { Graph = graph, Scores = scores, InGraph = Circuit.Empty(graph) }.Write(At("s.json"));
        new ScoreFile { Graph = graph, InGraph = known }.Write(At("k.json"));
        Done("mib", "auroc", "--scores", At("s.json"), "--reference", At("k.json"), "--json", At("a.json"));
        var json = Json("a.json");
        Assert.Equal(Auroc.Of(scores, known), (double)json["auroc"]!, 1e-12);
        // Literally.
        var (area, wrongBefore, rightBefore, isFirst) = (0.0, 0.0, 0.0, true);
        foreach (var p in (double[])[0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1])
        {
            var found = CircuitSelection.Greedy(scores, (int)Math.Ceiling(p * graph.Edges), signed: false);
            double right = 0, wrong = 0;
            foreach (var edge in found.Edges)
            {
                if (known.Contains(edge)) right++;
                else wrong++;
            }
            (right, wrong) = (right / known.EdgeCount, wrong / (graph.Edges - known.EdgeCount));
            if (!isFirst) area += (wrong - wrongBefore) * (right + rightBefore) / 2;
            (wrongBefore, rightBefore, isFirst) = (wrong, right, false);
        }
        Assert.Equal(area / wrongBefore, (double)json["mib"]!, 1e-12);
    }

    private static IEnumerable<IoiRow> Rows(int count) => Names.Take(count).Select((names, i) => new IoiRow
    {
        prompt = $"When {names.Io} and {names.Subject} went to the lake, {names.Subject} gave a map to",
        metadata = new() { indirect_object = names.Io, subject = names.Subject, random_c = "Mark" },
        s2_io_flip_counterfactual = new() { prompt = $"When {names.Io} and {names.Subject} went to the lake, {names.Io} gave a map to" },
    });

    private JsonNode Json(string name) => JsonNode.Parse(File.ReadAllText(At(name)))!;

    private static double[] Numbers(JsonNode list) => [.. list.AsArray().Select(value => (double)value!)];

    private string Prepared(string name)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(At(name))!);
        return At(name);
    }

    private void WriteNine(string folder, double[] shares)
    {
        var graph = new ModelGraph(12, 12);
        for (var i = 0; i < shares.Length; i++)
        {
            new ScoreFile { Graph = graph, DModel = 768, Scores = EdgeScores.Zero(graph), InGraph = new Circuit(graph, graph.AllEdges.Take((int)(shares[i] * graph.Edges))) }.Write(Prepared($"{folder}/{i}.json"));
        }
    }

    private void WriteScores(string name, int layers, int heads, double score)
    {
        var graph = new ModelGraph(layers, heads);
        var values = new double[graph.Pairs];
        values[graph.AllEdges.First()] = score;
        new ScoreFile { Graph = graph, Scores = new EdgeScores(graph, values), InGraph = Circuit.Empty(graph) }.Write(Prepared(name));
    }

#pragma warning disable CA1812, IDE1006, SA1300 // columns are called as in the benchmark
    private sealed class IoiRow
    {
        public string? prompt { get; set; }
        public Metadata? metadata { get; set; }
        public Counterfactual? s2_io_flip_counterfactual { get; set; }
    }

    private sealed class Metadata
    {
        public string? indirect_object { get; set; }
        public string? subject { get; set; }
        public string? random_c { get; set; }
    }

    private sealed class Counterfactual
    {
        public string? prompt { get; set; }
    }
}
