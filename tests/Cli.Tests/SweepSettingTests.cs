using System.Globalization;
using System.Text.Json.Nodes;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Studies whose cells tell positions apart or combine methods, and studies run by one command.</summary>
public sealed class SweepSettingTests : SweepTest
{
    private const string Data = """
        {"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7], "spans": {"who": [1, 2], "end": [3, 4]}}
        {"clean": [1, 8, 9, 2], "corrupted": [1, 8, 3, 2], "answers": [10, 11], "distractors": [12], "spans": {"who": [1, 3], "end": [3, 4]}}
        {"clean": [4, 8, 2, 3], "corrupted": [4, 8, 5, 3], "answers": [1], "distractors": [9], "spans": {"who": [2, 3], "end": [3, 4]}}
        """;

    private string Model => Directory.Exists(At("model")) ? At("model") : TinyModel.WriteLlama(At("model"), 1);

    [Fact]
    public void Cells_by_span_are_what_attribute_and_curve_give()
    {
        var data = Write("d.jsonl", Data);
        var folder = Plan($"models: {Model}\ndata: d.jsonl\nmethods: [eap-ig, eap-qkfix]\npositions: [off, spans, tokens]\nselections: [top, greedy]\nedges: [20, 80]\n", "sweep");
        Assert.Equal(12, Ids(folder).Length);
        Done("sweep", "run", folder);
        var cells = Ids(folder).Select(id => Path.Combine(folder, "cells", id)).ToDictionary(cell => Of(cell, "method") + Of(cell, "positions") + Of(cell, "select"));
        foreach (var kind in (string[])["spans", "tokens"])
        {
            foreach (var method in (string[])["eap-ig", "eap-qkfix"])
            {
                Done("attribute", "--model", Model, "--data", data, "--positions", kind, "--method", method, "--out", At("s.json"));
                foreach (var select in (string[])["top", "greedy"])
                {
                    var cell = cells[method + kind + select];
                    Done("curve", "--model", Model, "--data", data, "--scores", At("s.json"), "--select", select, "--edges", "20,80", "--out", At("c.csv"));
                    Assert.Equal(Edges(At("s.json")), Edges(Path.Combine(cell, "scores.json")));
                    Assert.Equal(File.ReadAllLines(At("c.csv")), File.ReadAllLines(Path.Combine(cell, "curve.csv")).Select(l => string.Join(',', l.Split(',').SkipLast(2))));
                    // An error for every score of the file.
                    Assert.Equal(Edges(At("s.json")).Length, JsonNode.Parse(File.ReadAllText(Path.Combine(cell, "record.json")))!["standard_errors"]!.AsArray().Count);
                    Done("circuit", "--scores", Path.Combine(cell, "scores.json"), "--edges", "30", "--out", At("circuit.json"));
                }
            }
        }
        var table = Merged(folder).Split('\n')[..^1].Select(row => row.Split(',')).ToArray();
        Assert.Equal(["off", "spans", "tokens"], table[1..].Select(row => row[Array.IndexOf(table[0], "positions")]).Distinct());
        // Of cells by span a report has the curves, and of others the circuits too.
        Done("report", folder, "--out", At("r.html"));
        Assert.Contains("positions=spans", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
        Done("report", cells["eap-igspanstop"], "--out", At("cell.html"));

        string Of(string cell, string name) => (JsonNode.Parse(File.ReadAllText(Path.Combine(cell, "record.json")))!["run"]!["options"]![name] ?? JsonNode.Parse(File.ReadAllText(Path.Combine(cell, "record.json")))!["run"]![name])?.ToString() ?? "";
    }

    [Fact]
    public void Circuits_by_span_are_measured_on_held_out_examples_at_the_sizes_of_the_benchmark()
    {
        Write("d.jsonl", Data);
        var folder = Plan("models: tasks-4l\ndata: d.jsonl\nexamples: 1\nheld-out: 2\nmethods: [eap, gim]\npositions: [off, spans]\n", "sweep");
        Done("sweep", "run", folder);
        Done("sweep", "merge", folder, "--out", At("m.md"));
        var lines = File.ReadAllLines(At("m.md"));
        Assert.Contains("| method | positions | CPR | CMD | acc-AUC |", lines);
        Assert.Equal(["`off`", "`spans`"], lines.Where(line => line.StartsWith("| `eap`", StringComparison.Ordinal)).Select(line => line.Split('|')[2].Trim()));
        // The largest circuit is every edge over the spans, and keeps everything.
        var table = Merged(folder).Split('\n')[..^1].Select(row => row.Split(',')).ToArray();
        string Of(string[] row, string column) => row[Array.IndexOf(table[0], column)];
        var last = table.Last(row => Of(row, "positions") == "spans");
        Done("attribute", "--model", "tasks-4l", "--data", At("d.jsonl"), "--positions", "spans", "--method", "eap", "--out", At("s.json"));
        Assert.Equal(Edges(At("s.json")).Length, int.Parse(Of(last, "edges"), CultureInfo.InvariantCulture));
        Assert.Equal(Of(last, "clean"), Of(last, "circuit"));
    }

    [Fact]
    public void Cells_of_nodes_by_span_are_what_attribute_and_curve_give()
    {
        var data = Write("d.jsonl", Data);
        var folder = Plan($"models: {Model}\ndata: d.jsonl\nmethods: eap-graddrop\npositions: spans\nlevels: node\nedges: [4, 30]\n", "sweep");
        Done("sweep", "run", folder);
        var cell = Path.Combine(folder, "cells", Ids(folder).Single());
        Done("attribute", "--model", Model, "--data", data, "--positions", "spans", "--level", "node", "--method", "eap-graddrop", "--out", At("s.json"));
        Done("curve", "--model", Model, "--data", data, "--scores", At("s.json"), "--nodes", "4,30", "--out", At("c.csv"));
        Assert.Equal(File.ReadAllLines(At("s.json")).Where(line => line.Contains("in_graph", StringComparison.Ordinal)), File.ReadAllLines(Path.Combine(cell, "scores.json")).Where(line => line.Contains("in_graph", StringComparison.Ordinal)));
        Assert.Equal(File.ReadAllLines(At("c.csv")), File.ReadAllLines(Path.Combine(cell, "curve.csv")).Select(l => string.Join(',', l.Split(',').SkipLast(2))));
    }

    [Fact]
    public void Methods_are_combined_as_files_are()
    {
        var folder = Plan("models: tasks-4l\ndata: sva\nexamples: 4\nmethods:\n  - eap\n  - {method: eap-ig, steps: 3, combine: [gim+eap by rank, gim+eap]}\nselections: [top, stable]\nskip: [{combine: [gim+eap by rank, gim+eap], select: stable}]\nedges: [50]\n", "sweep");
        Done("sweep", "run", folder);
        var cells = Ids(folder).Select(id => JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "cells", id, "record.json")))!).ToLookup(record => (string?)record["run"]!["options"]!["combine"] ?? "", record => (string)record["cell"]!);
        Assert.Equal(["", "gim+eap by mean", "gim+eap by rank"], cells.Select(g => g.Key).Order(StringComparer.Ordinal));
        string[] files = [.. ((string[])["eap-ig", "gim", "eap"]).Select(method => At($"{method}.json"))];
        foreach (var file in files) Done(["attribute", "--model", "tasks-4l", "--data", "sva", "--examples", "4", "--method", Path.GetFileNameWithoutExtension(file), "--out", file, .. file == files[0] ? ["--steps", "3"] : Array.Empty<string>()]);
        foreach (var way in (string[])["mean", "rank"])
        {
            Done(["combine", .. files, "--by", way, "--out", At("both.json")]);
            Assert.Equal(Edges(At("both.json")), Edges(Path.Combine(folder, "cells", cells[$"gim+eap by {way}"].Single(), "scores.json")));
        }
        Done("sweep", "merge", folder, "--out", At("m.csv"), "--report", At("r.html"));
        Assert.Contains("gim+eap by rank", File.ReadAllText(At("m.csv")), StringComparison.Ordinal);
    }

    [Fact]
    public void A_study_becomes_a_table_by_one_command()
    {
        var study = Write("study.yaml", Study);
        var one = Done("sweep", "run", study, "--out", At("one"), "--table", At("one.csv"));
        Assert.Contains("12 cells made", one, StringComparison.Ordinal);
        Assert.Contains("one.csv: 36 rows of 12 cells", one, StringComparison.Ordinal);
        var folder = Plan(Study, "three");
        Done("sweep", "run", folder);
        Assert.Equal(Merged(folder), File.ReadAllText(At("one.csv")));
        // Again, nothing is left to make; a part of it has what is done in its table.
        Assert.Contains("0 cells made, 12 done before", Done("sweep", "run", study, "--out", At("one"), "--table", At("again.csv")), StringComparison.Ordinal);
        Assert.Equal(File.ReadAllBytes(At("one.csv")), File.ReadAllBytes(At("again.csv")));
        var part = Run("sweep", "run", study, "--out", At("part"), "--cells", Ids(folder)[0], "--table", At("part.csv"));
        Assert.Equal(0, part.Code);
        Assert.Contains("part.csv: 3 rows of 1 cell", part.Output, StringComparison.Ordinal);
        Assert.Contains("11 of 12 cells are not done and not in the table", part.Error, StringComparison.Ordinal);
        Refused("is a file; of a study give the folder of the sweep too: --out DIR", "sweep", "run", study);
        Refused("is a folder: leave --out out", "sweep", "run", folder, "--out", At("x"));
        Refused("--table x.txt: a table is a file that ends in .csv, .parquet or .md", "sweep", "run", study, "--out", At("x"), "--table", "x.txt");
        Assert.False(Directory.Exists(At("x")));
    }

    [Theory]
    [InlineData("positions: spans\nmethods: exact", "exact does not tell positions apart")]
    [InlineData("positions: spans\nlevels: neuron", "--positions scores edges and nodes; take --level edge or node")]
    [InlineData("positions: spans\nselections: ratio", "select ratio: positions spans select edges by top or greedy; skip: leaves the combination out")]
    [InlineData("positions: spans\nresamples: 20", "resamples: positions spans have no scores by example")]
    [InlineData("positions: words", "positions words is not known; known: off, spans, tokens")]
    [InlineData("positions: spans\nedges: 5000", "line 2: edges 5000: ")]
    [InlineData("combine: gim+nothing", "combine: nothing is no method that is known")]
    [InlineData("combine: gim by chance", "combine: chance is no way to combine that is known; known: mean, rank, max")]
    [InlineData("combine: gim\nselections: stable", "select stable: what combines methods does not score edges example by example")]
    [InlineData("combine: gim\npositions: spans", "scores of edges over whole prompts are combined")]
    public void What_does_not_go_together_is_refused(string settings, string expected)
    {
        Write("d.jsonl", Data);
        Refused(expected, "sweep", "plan", Write("study.yaml", $"models: {Model}\ndata: d.jsonl\n{settings}\n"), "--out", At("s"));
    }

    [Fact]
    public void Data_that_tell_no_positions_apart_are_refused_when_planned()
    {
        Refused("built-in tasks have none", "sweep", "plan", Write("study.yaml", "models: tasks-4l\ndata: sva\nexamples: 3\npositions: spans\n"), "--out", At("s"));
        Write("d.jsonl", """{"clean": [1, 2], "corrupted": [1, 3], "answers": [6], "distractors": [7]}""");
        Refused("\"spans\" is missing, which --positions spans needs", "sweep", "plan", Write("study.yaml", $"models: {Model}\ndata: d.jsonl\npositions: spans\n"), "--out", At("s"));
    }

    private static string[] Edges(string file) => [.. File.ReadAllLines(file).Where(line => line.Contains("->", StringComparison.Ordinal))];
}
