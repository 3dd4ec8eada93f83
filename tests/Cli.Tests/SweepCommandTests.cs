using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Parquet;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>sweep plan, run, status, slurm and merge.</summary>
public sealed class SweepCommandTests : SweepTest
{
    [Fact]
    public void A_study_is_planned_run_and_merged_and_what_is_done_stays_done()
    {
        var folder = Plan(Study, "sweep");
        Assert.Equal(12, Ids(folder).Distinct().Count());
        Assert.Contains("12 cells: 0 done, 0 running, 0 failed, 12 left", Done("sweep", "status", folder), StringComparison.Ordinal);
        var first = Ids(folder)[0];
        Assert.Contains("1 cell made, 0 done before, 0 failed", Done("sweep", "run", folder, "--cells", first[..6]), StringComparison.Ordinal);
        Assert.Matches("12 cells: 1 done, 0 running, 0 failed, 11 left\n.*one process would take about", Done("sweep", "status", folder).ReplaceLineEndings("\n"));
        var output = Done("sweep", "run", folder);
        Assert.Contains("11 cells made, 1 done before, 0 failed", output, StringComparison.Ordinal);
        // What every run says of its data, once for each of them.
        Assert.Equal(2, output.Split('\n').Count(line => line.StartsWith("first example: ", StringComparison.Ordinal)));
        Assert.Equal(2, output.Split('\n').Count(line => line.StartsWith("accuracy: the answers lie above the distractors in 100% of 4 examples", StringComparison.Ordinal)));
        var before = Files(folder);
        Assert.Contains("0 cells made, 12 done before, 0 failed", Done("sweep", "run", folder), StringComparison.Ordinal);
        Assert.Equal(before, Files(folder));
        foreach (var id in Ids(folder)) Assert.Equal(["curve.csv", "record.json", "scores.json"], Directory.GetFiles(Path.Combine(folder, "cells", id)).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Empty(Directory.GetFileSystemEntries(Path.Combine(folder, "claims")));

        // Planned again, nothing changes; a larger study keeps what is done.
        Plan(Study, "sweep");
        Assert.Equal(before, Files(folder));
        Plan(Study + "\nseeds: [0, 1]\n", "sweep");
        Assert.Contains("24 cells: 12 done, 0 running, 0 failed, 12 left", Done("sweep", "status", folder), StringComparison.Ordinal);
    }

    [Fact]
    public void The_files_are_the_same_whatever_the_shards()
    {
        var (whole, parts) = (Plan(Study, "whole"), Plan(Study, "parts"));
        Done("sweep", "run", whole);
        Process[] shards = [StartProcess("sweep", "run", parts, "--shard", "0/3", "--threads", "1"), StartProcess("sweep", "run", parts, "--shard", "1/3"), StartProcess("sweep", "run", parts)];
        foreach (var shard in shards)
        {
            var outcome = Wait(shard);
            Assert.True(outcome.Code == 0, outcome.Error);
            Assert.Empty(outcome.Error);
            shard.Dispose();
        }
        Done("sweep", "run", parts);
        Assert.Equal(Files(Path.Combine(whole, "cells")), Files(Path.Combine(parts, "cells")));
        Assert.Equal(Merged(whole), Merged(parts));
    }

    [Fact]
    public void A_cell_is_what_attribute_and_curve_give()
    {
        var folder = Plan("models: tasks-4l\ndata: sva\nexamples: 5\nmethods: {eap-ig: {steps: 3}}\nmetrics: prob-diff\nselections: greedy\nedges: [30, 200]\n", "sweep");
        Done("sweep", "run", folder);
        var cell = Path.Combine(folder, "cells", Ids(folder).Single());
        Done("attribute", "--model", "tasks-4l", "--data", "sva", "--examples", "5", "--steps", "3", "--metric", "prob-diff", "--out", At("s.json"));
        Done("curve", "--model", "tasks-4l", "--data", "sva", "--examples", "5", "--metric", "prob-diff", "--scores", At("s.json"), "--select", "greedy", "--edges", "30,200", "--out", At("c.csv"));
        Assert.Equal(File.ReadAllLines(At("s.json")).Where(l => l.Contains("->", StringComparison.Ordinal)), File.ReadAllLines(Path.Combine(cell, "scores.json")).Where(l => l.Contains("->", StringComparison.Ordinal)));
        Assert.Equal(File.ReadAllLines(At("c.csv")), File.ReadAllLines(Path.Combine(cell, "curve.csv")).Select(l => string.Join(',', l.Split(',').SkipLast(2))));
        // The interval has the value inside, and the row of the merged table says the same.
        var curve = File.ReadAllLines(Path.Combine(cell, "curve.csv"))[1].Split(',').Select(v => double.Parse(v, CultureInfo.InvariantCulture)).ToArray();
        Assert.InRange(curve[6], curve[7], curve[8]);
        Assert.Contains(string.Join(',', File.ReadAllLines(Path.Combine(cell, "curve.csv"))[1].Split(',')), Merged(folder), StringComparison.Ordinal);
        // A circuit can be selected from a cell's scores.
        Done("circuit", "--scores", Path.Combine(cell, "scores.json"), "--edges", "10", "--out", At("circuit.json"));
    }

    [Fact]
    public void Held_out_circuits_are_measured_on_other_examples()
    {
        var folder = Plan("models: tasks-4l\ndata: sva\nexamples: 5\nheld-out: 7\nmethods: eap\nedges: [30, 200]\n", "sweep");
        Done("sweep", "run", folder);
        var cell = Path.Combine(folder, "cells", Ids(folder).Single());
        foreach (var (split, count) in ((string, string)[])[("train", "5"), ("held-out", "7")]) Done("tasks", "export", "sva", "--split", split, "--examples", count, "--out", At($"{split}.jsonl"));
        Done("attribute", "--model", "tasks-4l", "--data", At("train.jsonl"), "--method", "eap", "--out", At("s.json"));
        Done("curve", "--model", "tasks-4l", "--data", At("held-out.jsonl"), "--scores", At("s.json"), "--edges", "30,200", "--out", At("c.csv"));
        Assert.Equal(Edges(At("s.json")), Edges(Path.Combine(cell, "scores.json")));
        Assert.Equal(File.ReadAllLines(At("c.csv")), File.ReadAllLines(Path.Combine(cell, "curve.csv")).Select(l => string.Join(',', l.Split(',').SkipLast(2))));
        var table = Merged(folder).Split('\n')[..^1].Select(row => row.Split(',')).ToArray();
        Assert.Equal(("5", "7"), (table[1][Array.IndexOf(table[0], "examples")], table[1][Array.IndexOf(table[0], "held_out")]));

        // Of a file, the lines after those that are scored; no line is among both, whatever the seed.
        var lines = File.ReadAllLines(At("train.jsonl")).Concat(File.ReadAllLines(At("held-out.jsonl"))).ToArray();
        File.WriteAllLines(At("d.jsonl"), lines);
        File.WriteAllLines(At("rest.jsonl"), lines[3..]);
        var ofFile = Plan("models: tasks-4l\ndata: d.jsonl\nexamples: 3\nheld-out: 9\nmethods: eap\nedges: 100\nseeds: [0, 4]\n", "file");
        Done("sweep", "run", ofFile);
        Done("attribute", "--model", "tasks-4l", "--data", At("d.jsonl"), "--examples", "3", "--method", "eap", "--out", At("s.json"));
        Done("curve", "--model", "tasks-4l", "--data", At("rest.jsonl"), "--scores", At("s.json"), "--edges", "100", "--out", At("c.csv"));
        Assert.Equal(File.ReadAllLines(At("c.csv")), File.ReadAllLines(Path.Combine(ofFile, "cells", Ids(ofFile)[0], "curve.csv")).Select(l => string.Join(',', l.Split(',').SkipLast(2))));
        Refused("line 2: held-out 10: ", "sweep", "plan", Write("s.yaml", "models: tasks-4l\ndata: d.jsonl\nexamples: 3\nheld-out: 10\nmethods: eap\n"), "--out", At("x"));
        Refused("leave one of the two out", "sweep", "plan", Write("s.yaml", "models: tasks-4l\ndata: d.jsonl\nexamples: 3\nheld-out: 5\nmethods: eap\nablation-data: rest.jsonl\n"), "--out", At("x"));

        static IEnumerable<string> Edges(string path) => File.ReadAllLines(path).Where(l => l.Contains("->", StringComparison.Ordinal));
    }

    [Fact]
    public void Stable_circuits_are_those_of_the_intervals_of_stability()
    {
        var folder = Plan("models: tasks-4l\ndata: sva\nexamples: 6\nmethods: eap\nselections: [top, stable]\nedges: [60, 300]\n", "sweep");
        Done("sweep", "run", folder);
        Done("stability", "--model", "tasks-4l", "--data", "sva", "--examples", "6", "--method", "eap", "--edges", "1519", "--random", "0", "--shuffles", "0", "--json", At("i.json"));
        Done("attribute", "--model", "tasks-4l", "--data", "sva", "--examples", "6", "--method", "eap", "--out", At("s.json"));
        Done("curve", "--model", "tasks-4l", "--data", "sva", "--examples", "6", "--scores", At("s.json"), "--select", "stable", "--intervals", At("i.json"), "--edges", "60,300", "--out", At("c.csv"));
        string[] curves = [.. Ids(folder).Select(id => File.ReadAllText(Path.Combine(folder, "cells", id, "curve.csv")))];
        Assert.NotEqual(curves[0], curves[1]);
        Assert.Equal(File.ReadAllLines(At("c.csv")), curves[1].TrimEnd().Split('\n').Select(l => string.Join(',', l.Split(',').SkipLast(2))));
        Refused("line 2: select stable: acdc does not score edges example by example; skip: leaves the combination out", "sweep", "plan", Write("s.yaml", "models: tasks-4l\ndata: sva\nmethods: [eap, acdc]\nselections: [top, stable]\n"), "--out", At("x"));
        Done("sweep", "plan", Write("s.yaml", "models: tasks-4l\ndata: sva\nexamples: 3\nmethods: [eap, acdc]\nselections: [top, stable]\nskip: [{method: acdc, select: stable}]\n"), "--out", At("x"));
        Assert.Equal(3, Ids(At("x")).Length);
        // What is counted is told in seconds too, and what is not has none.
        var planned = Done("sweep", "plan", At("s.yaml"), "--out", At("x"));
        Assert.Matches(@"tasks-4l +eap +2 +\d\S* +\d+\.\d\d +\d+\.\d\d\d +\d", planned);
        Assert.Matches(@"tasks-4l +acdc +1 +not counted +– +– +not planned", planned);
    }

    [Fact]
    public void Resamples_of_a_cell_are_those_of_stability()
    {
        var folder = Plan("models: tasks-4l\ndata: sva\nexamples: 6\nmethods: eap\nselections: [top, greedy]\nedges: [20, 60]\nresamples: 30\n", "sweep");
        Done("sweep", "run", folder);
        Done("stability", "--model", "tasks-4l", "--data", "sva", "--examples", "6", "--method", "eap", "--edges", "20,60", "--resamples", "30", "--random", "0", "--shuffles", "0", "--select", "greedy", "--json", At("i.json"));
        using var study = JsonDocument.Parse(File.ReadAllText(At("i.json")));
        using var record = JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "cells", Ids(folder)[1], "record.json")));
        var told = record.RootElement.GetProperty("stability").EnumerateObject().ToDictionary(e => e.Name, e => e.Value.EnumerateArray().Select(v => v.GetDouble()).ToArray());
        var edges = ((string[])["edges", "near_misses"]).SelectMany(list => study.RootElement.GetProperty(list).EnumerateArray()).ToArray();
        Assert.Equal(edges.Length, told.Count);
        Assert.All(edges, edge => Assert.Equal(
            [edge.GetProperty("interval").GetProperty("low").GetDouble(), edge.GetProperty("interval").GetProperty("high").GetDouble(), edge.GetProperty("selected").GetProperty("20").GetDouble(), edge.GetProperty("selected").GetProperty("60").GetDouble()],
            told[edge.GetProperty("edge").GetString()!]));
        Done("report", folder, "--out", At("r.html"));
        Assert.Equal(2, File.ReadAllText(At("r.html")).Split("\"frequencies\":[{\"selected\":20,").Length - 1);
        Refused("line 2: resamples: acdc does not score edges example by example", "sweep", "plan", Write("s.yaml", "models: tasks-4l\ndata: sva\nmethods: acdc\nresamples: 9\n"), "--out", At("x"));
    }

    [Fact]
    public void Cells_over_the_sizes_of_the_benchmark_have_its_measures()
    {
        var folder = Plan("models: tasks-4l\ndata: [sva, ioi]\nexamples: 4\nmethods: [eap, {method: mattr, train-steps: [1, 2]}]\nselections: [top, ratio]\nsigned: [true, false]\nskip: [{select: ratio, signed: true}, {method: mattr, select: ratio}]\n", "sweep");
        // The intervals of a cell are the same whatever else is done.
        var last = Ids(folder)[^1];
        Done("sweep", "run", folder, "--cells", last);
        Assert.Equal(0, Run("sweep", "merge", folder, "--out", At("last.csv")).Code);
        Done("sweep", "run", folder);
        Assert.Equal(File.ReadAllLines(At("last.csv"))[1..], Merged(folder).Split('\n').Where(row => row.StartsWith(last, StringComparison.Ordinal)));
        var table = Merged(folder).Split('\n')[..^1].Select(row => row.Split(',')).ToArray();
        string Of(string[] row, string column) => row[Array.IndexOf(table[0], column)];
        Done("attribute", "--model", "tasks-4l", "--data", "sva", "--examples", "4", "--method", "eap", "--out", At("s.json"));
        Done("curve", "--model", "tasks-4l", "--data", "sva", "--examples", "4", "--scores", At("s.json"), "--mib", "--out", At("c.csv"));
        var curves = File.ReadAllLines(At("c.csv"))[1..].Select(row => row.Split(',')).ToLookup(row => row[^1], row => double.Parse(row[^2], CultureInfo.InvariantCulture));
        double[] p = [0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1];
        double Area(IEnumerable<double> f) => Enumerable.Range(1, 9).Sum(i => (p[i] - p[i - 1]) * (f.ElementAt(i - 1) + f.ElementAt(i)) / 2);
        var expected = new Dictionary<string, (double Cpr, double Cmd)>();
        foreach (var (signed, ranking) in ((string, string)[])[("true", "score"), ("false", "size")])
        {
            expected[ranking] = (Area(curves[ranking]), Area(curves[ranking].Select(f => Math.Abs(1 - f))));
            var row = table[1..].First(row => Of(row, "data") == "sva" && Of(row, "method") == "eap" && Of(row, "select") == "top" && Of(row, "signed") == signed);
            double Number(string column) => double.Parse(Of(row, column), CultureInfo.InvariantCulture);
            Assert.Equal(expected[ranking].Cpr, Number("cpr"), 1e-9);
            Assert.Equal(expected[ranking].Cmd, Number("cmd"), 1e-9);
            foreach (var name in (string[])["cpr", "cmd", "acc_auc"]) Assert.InRange(Number(name), Number($"{name}_low"), Number($"{name}_high"));
        }
        // What tells two cells apart stands in a column.
        Assert.Equal(["", "1", "2"], table[1..].Select(row => Of(row, "train_steps")).Distinct().Order(StringComparer.Ordinal));

        Done("sweep", "merge", folder, "--out", At("r.md"));
        var lines = File.ReadAllLines(At("r.md"));
        Assert.Equal(["### means over 2 sets of data", "### sva", "### ioi"], lines.Where(l => l.StartsWith("###", StringComparison.Ordinal)));
        Assert.Contains("| method | train-steps | select | CPR | CMD | acc-AUC |", lines);
        Assert.Equal(3 * 4, lines.Count(l => l.StartsWith("| `", StringComparison.Ordinal)));
        // CPR by score, CMD by its size.
        var eap = lines[Array.IndexOf(lines, "### sva")..].First(l => l.StartsWith("| `eap` | – | `top` |", StringComparison.Ordinal)).Split('|');
        Assert.StartsWith($" {expected["score"].Cpr.ToString("0.000", CultureInfo.InvariantCulture)} (", eap[4], StringComparison.Ordinal);
        Assert.StartsWith($" {expected["size"].Cmd.ToString("0.000", CultureInfo.InvariantCulture)} (", eap[5], StringComparison.Ordinal);
        folder = Plan("models: tasks-4l\ndata: sva\nexamples: 3\nmethods: eap\nedges: 50\n", "sized");
        Done("sweep", "run", folder);
        Refused("no cell has a curve over the sizes of the MIB benchmark", "sweep", "merge", folder, "--out", At("x.md"));
    }

    [Fact]
    public void Seeds_are_other_examples()
    {
        Done("tasks", "export", "ioi", "--examples", "12", "--out", At("d.jsonl"));
        var folder = Plan("models: tasks-4l\ndata: [ioi, d.jsonl]\nexamples: 4\nmethods: eap\nseeds: [0, 1]\nedges: 50\n", "sweep");
        Done("sweep", "run", folder);
        var table = Merged(folder).Split('\n')[..^1].Select(row => row.Split(',')).ToArray();
        var (header, circuits) = (table[0], table[1..]);
        Assert.Equal(4, circuits.Length);
        // Clean means of other examples are others; a file's first ones are those of the task that it was exported from.
        var (clean, seed) = (Array.IndexOf(header, "clean"), Array.IndexOf(header, "seed"));
        Assert.Equal(3, circuits.Select(row => row[clean]).Distinct().Count());
        Assert.Equal(2, circuits.Where(row => row[seed] == "0").Select(row => row[clean]).Distinct().Count() + 1);
    }

    [Fact]
    public void A_cell_that_fails_is_told_with_its_line_and_stops_no_other()
    {
        Done("tasks", "export", "ioi", "--examples", "3", "--out", At("d.jsonl"));
        var text = File.ReadAllText(At("d.jsonl"));
        var folder = Plan("models: tasks-4l\ndata: [d.jsonl, sva]\nexamples: 3\nmethods: [eap, eap-ig]\nedges: 50\n", "sweep");
        File.WriteAllText(At("d.jsonl"), text + "{\"clean\": 3}\n");
        var (code, output, error) = Run("sweep", "run", folder);
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.Contains("2 cells made, 0 done before, 2 failed", output, StringComparison.Ordinal);
        var lines = error.TrimEnd().Split(Environment.NewLine);
        Assert.Equal(3, lines.Length);
        Assert.All(lines[..2], line => Assert.Contains("d.jsonl, line 4", line, StringComparison.Ordinal));
        Assert.StartsWith("faith: 2 of 4 cells failed; faith sweep status", lines[2], StringComparison.Ordinal);
        var status = Done("sweep", "status", folder);
        Assert.Contains("4 cells: 2 done, 0 running, 2 failed, 0 left", status, StringComparison.Ordinal);
        Assert.Contains("d.jsonl, line 4", status, StringComparison.Ordinal);
        Assert.Contains("2 of 4 cells are not done", Run("sweep", "merge", folder, "--out", At("r.csv")).Error, StringComparison.Ordinal);

        // Other data than were planned, though they can be read.
        File.WriteAllText(At("d.jsonl"), text + "\n");
        Assert.Contains("is no longer what was planned", Run("sweep", "run", folder).Error, StringComparison.Ordinal);
        File.WriteAllText(At("d.jsonl"), text);
        Assert.Contains("2 cells made, 2 done before, 0 failed", Done("sweep", "run", folder), StringComparison.Ordinal);
        Assert.Contains("4 cells: 4 done, 0 running, 0 failed, 0 left", Done("sweep", "status", folder), StringComparison.Ordinal);
    }

    [Fact]
    public void Merge_refuses_cells_that_do_not_belong_together_and_names_them()
    {
        var folder = Plan("models: tasks-4l\ndata: ioi\nexamples: 3\nmethods: [eap, eap-ig]\nedges: 50\n", "sweep");
        Refused("no cell is done", "sweep", "merge", folder, "--out", At("r.csv"));
        Done("sweep", "run", folder);
        var id = Ids(folder)[1];
        var record = Path.Combine(folder, "cells", id, "record.json");
        var text = File.ReadAllText(record);
        foreach (var (name, message) in ((string, string)[])[("version", "made by version else"), ("model_hash", "made with another model (hash else"), ("data_hash", "made on other data (hash else")])
        {
            var json = JsonNode.Parse(text)!;
            json["run"]![name] = "else";
            File.WriteAllText(record, json.ToJsonString());
            Refused($"{id}: {message}", "sweep", "merge", folder, "--out", At("r.csv"));
        }
        foreach (var (damage, message) in ((Action<JsonNode>, string)[])
        [
            (json => json["curve"] = new JsonArray(), "its curve holds no circuit"), (json => json["clean"] = new JsonArray(), "clean holds no example"),
            (json => json["corrupted"]!.AsArray().RemoveAt(0), "corrupted has 2 examples, clean 3"), (json => json["curve"]![0]!["per_example"]!.AsArray().Add(1), "per_example of 50 edges has 4 examples, clean 3"),
            (json => json["run"]!["metric"] = "other", "its metric \"other\" is unknown"),
        ])
        {
            var json = JsonNode.Parse(text)!;
            damage(json);
            File.WriteAllText(record, json.ToJsonString());
            Refused($"record.json: is no record of a cell ({message}); remove it", "sweep", "merge", folder, "--out", At("r.csv"));
        }
        File.WriteAllText(record, text[..^200]);
        Refused("is no record of a cell", "sweep", "merge", folder, "--out", At("r.csv"));
        File.WriteAllText(record, text);
        var curve = Path.Combine(folder, "cells", id, "curve.csv");
        File.AppendAllText(curve, "1\n");
        Refused($"{id}: curve.csv is not the one that was written with its record", "sweep", "merge", folder, "--out", At("r.csv"));
        File.Delete(curve);
        Refused($"{id}: curve.csv is not there, although its record is; remove their folders", "sweep", "merge", folder, "--out", At("r.csv"));
        // A cell of another version that was copied here.
        var other = Path.Combine(folder, "cells", "0000000000000000");
        Directory.CreateDirectory(other);
        var copied = JsonNode.Parse(text)!;
        copied["run"]!["version"] = "0.0.1";
        File.WriteAllText(Path.Combine(other, "record.json"), copied.ToJsonString());
        Refused("0000000000000000: not in the manifest, made by version 0.0.1", "sweep", "merge", folder, "--out", At("r.csv"));
        Directory.Delete(other, recursive: true);
        File.Delete(record);
        Done("sweep", "run", folder);
        Done("sweep", "merge", folder, "--out", At("r.csv"));

        // A manifest of another version is neither run nor merged.
        var manifest = Path.Combine(folder, "manifest.jsonl");
        File.WriteAllText(manifest, File.ReadAllText(manifest).Replace("\"version\":\"", "\"version\":\"9", StringComparison.Ordinal));
        Refused("line 1: the id is not that of the cell", "sweep", "run", folder);
    }

    [Fact]
    public async Task Parquet_holds_what_csv_holds()
    {
        var folder = Plan("models: tasks-4l\ndata: ioi\nexamples: 3\nmethods: [eap, eap-ig]\nedges: [50, 60]\n", "sweep");
        Done("sweep", "run", folder);
        var csv = Merged(folder).Split('\n')[..^1].Select(l => l.Split(',')).ToArray();
        Done("sweep", "merge", folder, "--out", At("r.parquet"));
        await using var file = File.OpenRead(At("r.parquet"));
        await using var reader = await ParquetReader.CreateAsync(file);
        Assert.Equal(csv[0], reader.Schema.DataFields.Select(f => f.Name));
        using var group = reader.OpenRowGroupReader(0);
        Assert.Equal(csv.Length - 1, group.RowCount);
        foreach (var (column, field) in reader.Schema.DataFields.Index())
        {
            var values = new string?[csv.Length - 1];
            if (field.ClrType != typeof(int) && field.ClrType != typeof(double))
            {
                await group.ReadAsync(field, values.AsMemory());
            }
            else if (field.ClrType == typeof(int))
            {
                var numbers = new int?[values.Length];
                await group.ReadAsync<int>(field, numbers.AsMemory());
                values = [.. numbers.Select(n => n?.ToString(CultureInfo.InvariantCulture) ?? "")];
            }
            else
            {
                var numbers = new double?[values.Length];
                await group.ReadAsync<double>(field, numbers.AsMemory());
                values = [.. numbers.Select(n => n?.ToString("R", CultureInfo.InvariantCulture) ?? "")];
            }
            Assert.Equal(csv[1..].Select(row => row[column]), values.Select(v => v ?? ""));
        }
    }

    [Fact]
    public void The_script_for_Slurm_is_one_that_a_shell_reads()
    {
        var folder = Plan("models: tasks-4l\ndata: ioi\nexamples: 3\nmethods: eap\nedges: 50\n", "it's a sweep");
        var script = Done("sweep", "slurm", folder, "--tasks", "3", "--gpus", "2", "--time", "1-02:30:00", "--partition", "gpu,big", "--cpus", "4", "--memory-of-task", "8");
        Assert.StartsWith("#!/bin/bash\n", script, StringComparison.Ordinal);
        foreach (var line in (string[])["--array=0-2", "--gpus-per-task=2", "--time=1-02:30:00", "--partition=gpu,big", "--cpus-per-task=4", "--mem=8192M"]) Assert.Contains($"#SBATCH {line}\n", script, StringComparison.Ordinal);
        Assert.Contains("--shard \"$SLURM_ARRAY_TASK_ID/3\" --device cuda:all", script, StringComparison.Ordinal);
        Assert.Contains("it'\\''s a sweep' --shard", script, StringComparison.Ordinal);
        Refused("--partition must be names", "sweep", "slurm", folder, "--partition", "a\nb");
        Refused("--time must be a time", "sweep", "slurm", folder, "--time", "soon; rm");

        // Run as the scheduler would, one task after another.
        File.WriteAllText(At("job.sh"), Done("sweep", "slurm", folder, "--tasks", "2"));
        foreach (var task in (string[])["0", "1"])
        {
            var start = new ProcessStartInfo("bash", [At("job.sh")]) { RedirectStandardOutput = true, RedirectStandardError = true };
            start.Environment["SLURM_ARRAY_TASK_ID"] = task;
            using var process = Process.Start(start)!;
            Assert.Equal(0, Wait(process).Code);
        }
        Assert.Contains("1 cell: 1 done", Done("sweep", "status", folder), StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_wrong_is_refused()
    {
        Refused("has control characters, which no script should hold", "sweep", "slurm", Plan("models: tasks-4l\ndata: ioi\nexamples: 2\nmethods: eap\nedges: 5\n", "a\u001b[31m"));
        Refused("there is no such folder; faith sweep plan", "sweep", "run", At("nowhere"));
        Directory.CreateDirectory(At("empty"));
        Refused("holds no manifest.jsonl", "sweep", "status", At("empty"));
        Refused("study.yaml, line 2: --data nothing: neither a file nor a built-in task", "sweep", "plan", Write("study.yaml", "models: tasks-4l\ndata: nothing\n"), "--out", At("s"));
        Refused("study.yaml, line 2: edges 5000: tasks-4l has only 1519 edges", "sweep", "plan", Write("study.yaml", "models: tasks-4l\ndata: ioi\nedges: 5000\n"), "--out", At("s"));
        Refused("neither a directory nor a shipped model", "sweep", "plan", Write("study.yaml", "models: nobody\ndata: ioi\n"), "--out", At("s"));
        var folder = Plan("models: tasks-4l\ndata: ioi\nexamples: 3\nmethods: eap\nedges: 50\n", "sweep");
        Refused("--shard must be i/n with i from 0 to n, as 0/4, not 5/4", "sweep", "run", folder, "--shard", "5/4");
        Refused("--cells xyz: no cell has such an id", "sweep", "run", folder, "--cells", "xyz");
        Refused("a table is a file that ends in .csv, .parquet or .md", "sweep", "merge", folder, "--out", At("r.xlsx"));
        File.AppendAllText(Path.Combine(folder, "manifest.jsonl"), "{\"id\": 3}\n");
        Refused("manifest.jsonl, line 2: ", "sweep", "status", folder);
        File.WriteAllText(Path.Combine(folder, "manifest.jsonl"), "\n");
        Refused("lists no cell", "sweep", "status", folder);
    }

    [Fact]
    public void The_manifest_says_what_a_cell_is_and_takes()
    {
        var cell = JsonDocument.Parse(File.ReadAllLines(Path.Combine(Plan(Study, "sweep"), "manifest.jsonl"))[2]).RootElement;
        Assert.Equal(("tasks-4l", "ioi", 4, "eap-ig", 2, "top", false), (cell.GetProperty("model").GetString(), cell.GetProperty("data").GetString(), cell.GetProperty("examples").GetInt32(),
            cell.GetProperty("method").GetString(), cell.GetProperty("steps").GetInt32(), cell.GetProperty("select").GetString(), cell.GetProperty("signed").GetBoolean()));
        Assert.Equal([20, 100, 400], cell.GetProperty("edges").EnumerateArray().Select(e => e.GetInt32()));
        Assert.True(cell.GetProperty("gflop").GetDouble() > 0);
        Assert.True(cell.GetProperty("memory_bytes").GetInt64() > 0);
        // Nothing of where the study was, unless it names a file there.
        Assert.False(cell.TryGetProperty("folder", out _));
        Done("tasks", "export", "ioi", "--examples", "2", "--out", At("d.jsonl"));
        Assert.Equal(Folder, JsonDocument.Parse(File.ReadAllLines(Path.Combine(Plan("models: tasks-4l\ndata: d.jsonl\n", "files"), "manifest.jsonl"))[0]).RootElement.GetProperty("folder").GetString());
    }
}
