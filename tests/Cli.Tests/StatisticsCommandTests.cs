using System.Text.Json;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What says how far numbers can be trusted: stability, compare, check-circuit, matrix, methods, and the options beside them.</summary>
public sealed class StatisticsCommandTests : CliTest
{
    private const string Data = """
        {"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}
        {"clean": [1, 8, 9, 4, 2], "corrupted": [1, 8, 3, 4, 2], "answers": [10, 11], "distractors": [12]}
        {"clean": [3, 8, 9, 4], "corrupted": [3, 2, 3, 4], "answers": [9], "distractors": [2]}
        """;

    private readonly string model;
    private readonly string data;

    public StatisticsCommandTests()
    {
        model = TinyModel.Write(At("model"));
        data = Write("data.jsonl", Data);
    }

    private string[] On => ["--model", model, "--data", data, "--device", "cpu"];

    private string Scores(string name, params string[] more)
    {
        Done(["attribute", .. On, "--out", At(name), .. more]);
        return At(name);
    }

    private JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(At(name))).RootElement;

    [Fact]
    public void Stability_gives_intervals_and_baselines()
    {
        var output = Done(["stability", .. On, "--method", "eap", "--edges", "5,20", "--resamples", "20", "--json", At("s.json")]);
        Assert.Contains("in top 20", output, StringComparison.Ordinal);
        var result = Json("s.json");
        Assert.Equal(20, result.GetProperty("edges").GetArrayLength());
        Assert.NotEqual(0, result.GetProperty("near_misses").GetArrayLength());
        Assert.All(result.GetProperty("near_misses").EnumerateArray(), edge => Assert.InRange(edge.GetProperty("selected").GetProperty("20").GetDouble(), 0.05, 1));
        Assert.All(result.GetProperty("edges").EnumerateArray(), edge =>
        {
            var (low, high) = (edge.GetProperty("interval").GetProperty("low").GetDouble(), edge.GetProperty("interval").GetProperty("high").GetDouble());
            Assert.True(low <= high);
            Assert.InRange(edge.GetProperty("selected").GetProperty("5").GetDouble(), 0, edge.GetProperty("selected").GetProperty("20").GetDouble());
        });
        Assert.All(result.GetProperty("sizes").EnumerateArray(), size =>
        {
            Assert.InRange(size.GetProperty("jaccard").GetDouble(), 0, 1);
            Assert.Equal("too few examples to say", size.GetProperty("verdict").GetString());
            Assert.NotEqual(JsonValueKind.Null, size.GetProperty("random").ValueKind);
            Assert.NotEqual(JsonValueKind.Null, size.GetProperty("shuffled_labels").ValueKind);
        });
        Assert.Equal(output, Done(["stability", .. On, "--method", "eap", "--edges", "5,20", "--resamples", "20"]));
    }

    [Fact]
    public void Stability_refuses_what_cannot_be_resampled()
    {
        Refused("one example only", ["stability", .. On, "--examples", "1"]);
        Refused("acdc at the level of edges does not score edges example by example", ["stability", .. On, "--method", "acdc"]);
        Refused("--edges 100000: the graph of", ["stability", .. On, "--edges", "5,100000"]);
        Refused("--confidence must be a number between 0 and 1, not 2", ["stability", .. On, "--confidence", "2"]);
    }

    [Fact]
    public void Steps_auto_says_how_many_it_took()
    {
        var output = Done(["attribute", .. On, "--steps", "auto", "--tolerance", "0.05", "--out", At("a.json"), "--json", At("r.json")]);
        var run = Json("a.json").GetProperty("run");
        var rounds = Json("r.json").GetProperty("rounds").EnumerateArray().ToArray();
        Assert.Equal("gauss-legendre", run.GetProperty("rule").GetString());
        Assert.Equal(rounds[^1].GetProperty("steps").GetInt32(), run.GetProperty("steps").GetInt32());
        Assert.Equal(rounds.Sum(r => r.GetProperty("seconds").GetDouble()), Json("r.json").GetProperty("seconds").GetDouble(), 1e-9);
        Assert.Equal(Json("r.json").GetProperty("seconds").GetDouble(), run.GetProperty("seconds").GetDouble(), 1e-9);
        Assert.Equal("converged", run.GetProperty("options").GetProperty("steps_auto").GetString());
        Assert.Equal(3, Json("r.json").GetProperty("completeness_gaps").GetArrayLength());
        Assert.Contains($"{rounds[^1].GetProperty("steps").GetInt32()} steps were enough", output, StringComparison.Ordinal);
        output = Done(["attribute", .. On, "--steps", "auto", "--tolerance", "1e-9", "--most-steps", "4", "--rule", "left", "--out", At("a.json")]);
        Assert.Contains("4 steps, the most allowed, were not enough (left)", output, StringComparison.Ordinal);
        Refused("eap has no steps to be found", ["attribute", .. On, "--method", "eap", "--steps", "auto", "--out", At("b.json")]);
        Refused("--tolerance and --most-steps need --steps auto", ["attribute", .. On, "--tolerance", "0.1", "--out", At("b.json")]);
        Refused("--steps must be a whole number from 1 to 10000, not many", ["attribute", .. On, "--steps", "many", "--out", At("b.json")]);
    }

    [Fact]
    public void A_compatibility_mode_pins_its_choices()
    {
        Scores("library.json", "--compat", "eap-ig", "--compat-batch", "3");
        Scores("ours.json");
        var (library, ours) = (Json("library.json"), Json("ours.json"));
        foreach (var edge in ours.GetProperty("edges").EnumerateObject())
        {
            var score = library.GetProperty("edges").GetProperty(edge.Name).GetProperty("score").GetDouble();
            Assert.Equal(edge.Value.GetProperty("score").GetDouble() / 3, score, 6);
        }
        Assert.Equal("3", library.GetProperty("run").GetProperty("options").GetProperty("compat_batch").GetString());
        Scores("paper.json", "--compat", "paper");
        Assert.Equal("right", Json("paper.json").GetProperty("run").GetProperty("rule").GetString());
        Done("circuit", "--scores", At("paper.json"), "--edges", "10", "--compat", "paper", "--out", At("c.json"));
        Assert.Equal("greedy", Json("c.json").GetProperty("run").GetProperty("options").GetProperty("select").GetString());

        Refused("--compat paper selects with greedy; leave --select out", "circuit", "--scores", At("paper.json"), "--edges", "10", "--compat", "paper", "--select", "top", "--out", At("d.json"));
        Refused("--compat paper has a rule of its own", ["attribute", .. On, "--compat", "paper", "--rule", "left", "--out", At("d.json")]);
        Refused("--compat-batch needs --compat eap-ig", ["attribute", .. On, "--compat", "mib", "--compat-batch", "2", "--out", At("d.json")]);
        Refused("this source's eap-ig knows patching only; under mean it has eap, eap-ig-activations, exact and ifr", ["attribute", .. On, "--compat", "eap-ig", "--ablation", "mean", "--out", At("d.json")]);
        Scores("mean.json", "--compat", "eap-ig", "--ablation", "mean", "--method", "eap");
        Scores("nodes.json", "--compat", "eap-ig", "--level", "node");
        Assert.Equal("right", Json("nodes.json").GetProperty("run").GetProperty("rule").GetString());
        Refused("--compat other is not known; known: paper, eap-ig, mib", ["attribute", .. On, "--compat", "other", "--out", At("d.json")]);
    }

    [Fact]
    public void Compare_measures_overlap_correlation_and_a_known_circuit()
    {
        var (a, b) = (Scores("a.json"), Scores("b.json", "--method", "eap"));
        Done("compare", a, a, "--json", At("same.json"), "--edges", "10");
        Assert.All(["edge_jaccard", "node_recall", "spearman_abs", "spearman_signed", "kendall_abs", "pearson"], name => Assert.Equal(1, Json("same.json").GetProperty(name).GetDouble(), 9));
        Done("compare", a, b, "--json", At("other.json"));
        Assert.InRange(Json("other.json").GetProperty("spearman_abs").GetDouble(), -1, 0.999);
        Assert.False(Json("other.json").TryGetProperty("edge_jaccard", out _)); // there is no circuit in either
        Done("circuit", "--scores", a, "--edges", "10", "--out", At("c.json"));
        // Scores alone have no overlap with a circuit: a Jaccard index of 0 told nothing.
        var mixed = Run("compare", b, At("c.json"), "--json", At("mixed.json"));
        Assert.Equal(0, mixed.Code);
        Assert.Contains("b.json: holds scores of which no circuit has been selected, so that only scores are compared", mixed.Error, StringComparison.Ordinal);
        Assert.False(Json("mixed.json").TryGetProperty("edge_jaccard", out _));
        Assert.True(Json("mixed.json").TryGetProperty("pearson", out _));
        Done("compare", At("c.json"), At("c.json"), "--json", At("mixed.json"));
        Assert.Equal(1, Json("mixed.json").GetProperty("edge_jaccard").GetDouble());
        Assert.Contains("auroc", Done("compare", a, "--known", At("c.json"), "--json", At("known.json")), StringComparison.Ordinal);
        Assert.Equal(1, Json("known.json").GetProperty("auroc").GetDouble(), 0.2);
        Refused("give a second file to compare with, or --known CIRCUIT", "compare", a);
        Refused("no circuit has been selected; faith circuit --scores", "compare", a, "--known", b);
    }

    [Fact]
    public void Compare_tells_circuits_of_the_same_nodes_by_their_neurons()
    {
        var scores = Scores("n.json", "--level", "neuron");
        foreach (var count in new[] { "40", "50" }) Done("circuit", "--scores", scores, "--neurons", count, "--out", At($"{count}.json"));
        var output = Done("compare", At("40.json"), At("50.json"), "--json", At("r.json"));
        Assert.Equal(40, Json("r.json").GetProperty("neuron_shared_count").GetInt32());
        Assert.Equal(0.8, Json("r.json").GetProperty("neuron_jaccard").GetDouble(), 12);
        Assert.Matches("neuron jaccard +0\\.8000", output);
        Done("circuit", "--scores", scores, "--edges", "10", "--out", At("e.json"));
        Done("compare", At("e.json"), At("e.json"), "--json", At("r.json"));
        Assert.False(Json("r.json").TryGetProperty("neuron_jaccard", out _));
    }

    [Fact]
    public void Curve_gives_the_areas_of_the_benchmark()
    {
        var scores = Scores("s.json");
        var output = Done(["curve", .. On, "--scores", scores, "--mib", "--out", At("curve.csv"), "--svg", At("curve.svg")]);
        Assert.Contains("CPR", output, StringComparison.Ordinal);
        var lines = File.ReadAllLines(At("curve.csv"));
        Assert.Equal(21, lines.Length);
        Assert.EndsWith(",ranked_by", lines[0], StringComparison.Ordinal);
        var rows = lines.Skip(1).Select(line => (Ranking: line[(line.LastIndexOf(',') + 1)..], Row: line[..line.LastIndexOf(',')])).ToLookup(x => x.Ranking, x => x.Row);
        var sizes = string.Join(',', rows["score"].Select(row => row.Split(',')[0]).Distinct());
        foreach (var (ranking, option) in ((string, string[])[])[("score", ["--signed"]), ("size", [])])
        {
            Done(["curve", .. On, "--scores", scores, "--edges", sizes, .. option, "--out", At("one.csv")]);
            Assert.Equal(File.ReadAllLines(At("one.csv")).Skip(1), rows[ranking].Distinct());
        }
        Assert.NotEqual(rows["score"], rows["size"]);
        Assert.Equal(output, Done(["curve", .. On, "--scores", scores, "--compat", "mib", "--out", At("curve.csv")]));
        Refused("--mib has sizes of its own; leave --edges out", ["curve", .. On, "--scores", scores, "--mib", "--edges", "5", "--out", At("x.csv")]);
    }

    [Fact]
    public void Check_circuit_measures_every_edge_and_the_complement()
    {
        Done("circuit", "--scores", Scores("s.json"), "--edges", "12", "--out", At("c.json"));
        var output = Done(["check-circuit", .. On, "--circuit", At("c.json"), "--json", At("check.json")]);
        var check = Json("check.json");
        Assert.Equal(check.GetProperty("edges").GetInt32(), check.GetProperty("contributions").EnumerateObject().Count());
        Assert.Contains("complement: ", output, StringComparison.Ordinal);
        Assert.Contains("completeness: without K", output, StringComparison.Ordinal);
        Assert.Equal(10, check.GetProperty("knockouts").GetArrayLength());
        Assert.NotEmpty(check.GetProperty("greedy_knockout").GetProperty("nodes").EnumerateArray());
        Assert.NotEmpty(check.GetProperty("node_minimality").EnumerateObject());
        Assert.Equal(output, Done(["check-circuit", .. On, "--circuit", At("c.json")]));
        var without = Done(["check-circuit", .. On, "--circuit", At("c.json"), "--sets", "0", "--json", At("check.json")]);
        Assert.StartsWith(without, output, StringComparison.Ordinal);
        Assert.False(Json("check.json").TryGetProperty("knockouts", out _));
        Refused("no circuit has been selected; faith circuit --scores", ["check-circuit", .. On, "--circuit", At("s.json")]);
    }

    [Fact]
    public void Check_circuit_compares_with_random_circuits()
    {
        Done("circuit", "--scores", Scores("s.json"), "--edges", "12", "--out", At("c.json"));
        string[] check = ["check-circuit", .. On, "--circuit", At("c.json"), "--sets", "0"];
        Assert.Contains("sufficiency: 20 random circuits with as many edges keep ", Done([.. check, "--random", "20", "--json", At("r.json")]), StringComparison.Ordinal);
        var (result, sufficiency) = (Json("r.json"), Json("r.json").GetProperty("sufficiency"));
        double[] random = [.. sufficiency.GetProperty("random_faithfulness").EnumerateArray().Select(v => v.GetDouble())];
        Assert.Equal((1.0 + random.Count(r => r >= result.GetProperty("faithfulness").GetDouble())) / 21, sufficiency.GetProperty("p").GetDouble());
        Assert.Equal(1 - result.GetProperty("complement_faithfulness").GetDouble(), result.GetProperty("necessity").GetDouble(), 1e-12);
        Assert.DoesNotContain("sufficiency", Done([.. check, "--random", "0", "--json", At("r.json")]), StringComparison.Ordinal);
        Assert.False(Json("r.json").TryGetProperty("sufficiency", out _));
    }

    [Fact]
    public void Evaluate_tells_how_the_examples_lie_and_which_are_worst()
    {
        Done("circuit", "--scores", Scores("s.json"), "--edges", "12", "--out", At("c.json"));
        var output = Done(["evaluate", .. On, "--circuit", At("c.json"), "--worst", "2", "--json", At("r.json")]);
        var result = Json("r.json");
        Assert.Matches("worst +clean +circuit +corrupted +faithfulness +prompt", output);
        Assert.Matches(@"of the examples +5% +25% +50% +75% +95%", output);
        Assert.Contains("sign test: ", output, StringComparison.Ordinal);
        double[] Of(string name) => [.. result.GetProperty(name).GetProperty("per_example").EnumerateArray().Select(v => v.GetDouble())];
        var (circuit, clean, corrupted) = (Of("circuit"), Of("clean"), Of("corrupted"));
        // Of three examples the median is the one between.
        Assert.Equal(circuit.Order().ElementAt(1), result.GetProperty("quantiles").GetProperty("circuit").GetProperty("0.5").GetDouble());
        int[] defined = [.. Enumerable.Range(0, 3).Where(i => clean[i] > corrupted[i]).OrderBy(i => (circuit[i] - corrupted[i]) / (clean[i] - corrupted[i]))];
        Assert.NotEmpty(defined);
        Assert.Equal(defined.Take(2).Select(i => i + 1), result.GetProperty("worst").EnumerateArray().Select(w => w.GetProperty("example").GetInt32()));
        Assert.Equal($"line {defined[0] + 1}", result.GetProperty("worst")[0].GetProperty("place").GetString());
        Assert.Contains($"line {defined[0] + 1} ", output, StringComparison.Ordinal);
        Assert.Equal(3 - defined.Length, result.GetProperty("faithfulness_per_example").EnumerateArray().Count(v => v.ValueKind == JsonValueKind.Null));
        var sign = result.GetProperty("sign_test");
        Assert.Equal(circuit.Zip(corrupted).Count(pair => pair.First > pair.Second), sign.GetProperty("better").GetInt32());
        Assert.DoesNotContain("worst", Done(["evaluate", .. On, "--circuit", At("c.json"), "--worst", "0"]), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("patching")]
    [InlineData("zero")]
    [InlineData("mean")]
    [InlineData("mean-positional")]
    public void A_full_circuit_is_all_that_is_needed_and_an_empty_one_nothing(string ablation)
    {
        var scores = Scores("s.json");
        foreach (var (edges, run) in ((string, string)[])[("all", "corrupted"), ("0", "clean")])
        {
            var all = Json("s.json").GetProperty("edges").EnumerateObject().Count().ToString(System.Globalization.CultureInfo.InvariantCulture);
            Done("circuit", "--scores", scores, "--edges", edges == "0" ? "0" : all, "--out", At("c.json"));
            var output = Done(["evaluate", .. On, "--circuit", At("c.json"), "--ablation", ablation, "--necessity", "--json", At("r.json")]);
            Assert.Contains("model without these edges", output, StringComparison.Ordinal);
            Assert.Contains("necessity ", output, StringComparison.Ordinal);
            var result = Json("r.json");
            Assert.Equal(result.GetProperty(run).GetRawText(), result.GetProperty("without_circuit").GetRawText());
            if (result.GetProperty("necessity").ValueKind == JsonValueKind.Number) Assert.Equal(edges == "0" ? 0 : 1, result.GetProperty("necessity").GetDouble());
        }
        Done("circuit", "--scores", Scores("n.json", "--level", "neuron"), "--neurons", "5", "--out", At("n.c.json"));
        Refused("--necessity: what is outside the circuit of neurons in", ["evaluate", .. On, "--circuit", At("n.c.json"), "--necessity"]);
    }

    [Fact]
    public void Matrix_evaluates_circuits_across_tasks()
    {
        var table = Done("matrix", "--model", "tasks-4l", "--tasks", "ioi,sva", "--examples", "4", "--edges", "150", "--device", "cpu");
        Assert.Contains("| circuit of | edges | ioi | sva |", table, StringComparison.Ordinal);
        Done("matrix", "--model", "tasks-4l", "--tasks", "ioi", "--examples", "2", "--edges", "50", "--out", At("m.md"));
        Assert.Contains("| ioi |", File.ReadAllText(At("m.md")), StringComparison.Ordinal);
        Assert.NotEqual(table, Done("matrix", "--model", "tasks-4l", "--tasks", "ioi,sva", "--examples", "4", "--edges", "150", "--select", "stable", "--device", "cpu", "--report", At("m.html")));
        Assert.Contains("\"certain\":", File.ReadAllText(At("m.html")), StringComparison.Ordinal);
        Refused("--negative needs --select ratio", "matrix", "--model", "tasks-4l", "--negative", "0.3");
        Refused("no task named 'other'", "matrix", "--model", "tasks-4l", "--tasks", "other");
    }

    [Fact]
    public void Methods_lists_and_tries_them_on_a_known_circuit()
    {
        Assert.Contains("information flow routes", Done("methods"), StringComparison.Ordinal);
        Assert.Matches(@"exact +1\.000 +5", Done("methods", "--known", "--device", "cpu"));
        Assert.Matches(@"eap +\d+\.\d+ +1\.0", Done("methods", "--measure", "--model", model, "--data", data, "--rounds", "1", "--device", "cpu"));
    }
}
