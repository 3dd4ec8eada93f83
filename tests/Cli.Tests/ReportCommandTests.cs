using System.Text.RegularExpressions;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>report, without a browser.</summary>
public sealed class ReportCommandTests : SweepTest
{
    [Fact]
    public void Reports_are_of_sweeps_cells_demos_and_files()
    {
        var folder = Plan("models: tasks-4l\ndata: ioi\nexamples: 3\nmethods: [eap, eap-ig]\nedges: [50, 60]\n", "sweep");
        Refused("no cell is done", "report", folder, "--out", At("r.html"));
        Done("sweep", "run", folder, "--cells", Ids(folder)[0]);
        var (code, output, error) = Run("report", folder, "--out", At("r.html"));
        Assert.Equal((0, true), (code, output.Contains("1 run; a browser opens it", StringComparison.Ordinal)));
        Assert.Contains("1 of 2 cells are not done", error, StringComparison.Ordinal);
        Done("sweep", "run", folder);
        Assert.Contains("2 runs", Done("report", folder, "--out", At("r.html")), StringComparison.Ordinal);
        Assert.Contains("1 run;", Done("report", Path.Combine(folder, "cells", Ids(folder)[0]), "--out", At("r.html")), StringComparison.Ordinal);

        // A merged table has the cells apart.
        Merged(folder);
        Assert.Contains("2 runs", Done("report", At("merged.csv"), "--out", At("r.html")), StringComparison.Ordinal);
        Assert.Contains("\"method\":\"eap-ig 5 left logit-diff patching top\"", File.ReadAllText(At("r.html")), StringComparison.Ordinal);

        Assert.Contains($"{At("demo/report.html")} shows the circuit", Done("demo", "--examples", "3", "--out", At("demo")), StringComparison.Ordinal);
        Assert.Contains("3 runs", Done("report", At("demo"), "--out", At("r.html")), StringComparison.Ordinal);
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "3", "--out", At("s.json"));
        Done("curve", "--model", "tasks-4l", "--data", "ioi", "--examples", "3", "--scores", At("s.json"), "--edges", "20,300", "--out", At("c.csv"));
        Assert.Contains("1 run;", Done("report", At("s.json"), At("c.csv"), "--out", At("r.html")), StringComparison.Ordinal);
        Assert.Contains("\"selected\":300", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
        // What stability found of an edge stands beside its score, and says which edges a circuit of certain ones is made of.
        Done("stability", "--model", "tasks-4l", "--data", "ioi", "--examples", "3", "--edges", "40", "--resamples", "10", "--random", "0", "--shuffles", "0", "--json", At("i.json"));
        Done("report", At("s.json"), At("i.json"), "--out", At("r.html"));
        Assert.Contains("\"frequencies\":[{\"selected\":40,", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
        Done("circuit", "--scores", At("s.json"), "--edges", "5", "--select", "stable", "--intervals", At("i.json"), "--out", At("stable.json"));
        Done("report", At("stable.json"), "--out", At("r.html"));
        Assert.Contains("selected by intervals that are not given here", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
        Done("report", At("stable.json"), At("i.json"), "--out", At("r.html"));
        Assert.DoesNotContain("selected by intervals that are not given here", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
        Assert.Contains("\"certain\":", File.ReadAllText(At("r.html")), StringComparison.Ordinal);
        Refused("i.json: tells how stable edges are, but of no scores", "report", At("i.json"), "--out", At("x.html"));
        // Scores of a smaller model have not these edges.
        var small = new ModelGraph(1, 1);
        new ScoreFile { Graph = small, Scores = EdgeScores.Zero(small), InGraph = Circuit.Empty(small), Run = new() { Method = "eap-ig" } }.Write(At("small.json"));
        Done("report", At("small.json"), At("s.json"), At("i.json"), "--out", At("r.html"));
        Assert.Single(Regex.Matches(File.ReadAllText(At("r.html")), "\"frequencies\":\\[\\{\"selected\":40,"));
        Refused("i.json: \"", "report", At("small.json"), At("i.json"), "--out", At("x.html"));
        Refused("i.json: is of eap-ig, and 2 of the 2 files of scores are", "report", At("s.json"), At("stable.json"), At("i.json"), "--out", At("x.html"));
    }

    [Fact]
    public void Nothing_of_a_file_is_markup()
    {
        const string evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{data}}&";
        Done("attribute", "--model", "tasks-4l", "--data", "ioi", "--examples", "2", "--out", At("s.json"));
        File.WriteAllText(At("s.json"), Regex.Replace(File.ReadAllText(At("s.json")), "\"(model|data|method|version)\":\"[^\"]*\"", $"\"$1\":\"{evil}\""));
        Write("c.csv", $"method,selected,faithfulness\n\"{evil}\",10,0.5\n");
        File.Move(At("c.csv"), At("<b>{{style}}.csv"));
        Done("report", At("s.json"), At("<b>{{style}}.csv"), "--out", At("r.html"));
        var page = File.ReadAllText(At("r.html"));
        Assert.DoesNotContain("<script>alert", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<img", page, StringComparison.Ordinal);
        Assert.DoesNotContain("<b>", page, StringComparison.Ordinal);
        Assert.Equal(2, Regex.Count(page, "</script>"));
        Assert.Single(Regex.Matches(page, ":root \\{\\s+color-scheme"));
        Assert.Contains("\\u003Cimg", page, StringComparison.Ordinal);
    }

    [Fact]
    public void What_is_no_result_is_refused()
    {
        Refused("there is no such file", "report", At("nothing.json"), "--out", At("r.html"));
        Directory.CreateDirectory(At("empty"));
        Refused("holds nothing to report on", "report", At("empty"), "--out", At("r.html"));
        Refused("is no curve", "report", Write("c.csv", "a,b\n1,2\n"), "--out", At("r.html"));
        Refused("line 2: faithfulness should be a number, not \"x\"", "report", Write("c.csv", "selected,faithfulness\n1,x\n"), "--out", At("r.html"));
        Refused("line 3: selected should be a whole number", "report", Write("c.csv", "selected,faithfulness\n1,1\n0.5,1\n"), "--out", At("r.html"));
        Refused("c.csv: holds no circuit", "report", Write("c.csv", "selected,faithfulness\n"), "--out", At("r.html"));
    }
}
