using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using Faith.Engine.Experiments;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>attribute, circuit, evaluate and curve on a small model.</summary>
public sealed class ModelCommandTests : CliTest
{
    private const string Data = """
        {"clean": [1, 2, 3, 4], "corrupted": [1, 5, 3, 4], "answers": [6], "distractors": [7]}
        {"clean": [1, 8, 9, 4, 2], "corrupted": [1, 8, 3, 4, 2], "answers": [10, 11], "distractors": [12]}
        """;

    private readonly string model;
    private readonly string data;

    public ModelCommandTests()
    {
        model = TinyModel.Write(At("model"));
        data = Write("data.jsonl", Data);
    }

    private string Scores()
    {
        Done("attribute", "--model", model, "--data", data, "--out", At("scores.json"), "--device", "cpu", "--threads", "1");
        return At("scores.json");
    }

    private string SelectedCircuit()
    {
        Done("circuit", "--scores", Scores(), "--edges", "10", "--out", At("selected.json"));
        return At("selected.json");
    }

    private JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(At(name))).RootElement;

    [Fact]
    public void What_a_run_notes_goes_to_the_error_stream_or_above_the_bars_there()
    {
        using var error = new StringWriter();
        var above = new List<string>();
        var context = new CommandContext(TextWriter.Null, error, isOutputTerminal: false, isErrorTerminal: false, CancellationToken.None);
        using var loaded = LoadedModel.Load(model);
        var note = loaded.On(new DeviceChoice("cpu", 1, null, context.Note)).Notice!;
        note("memory is short");
        context.WriteAbove = above.Add;
        note("memory is shorter");
        Assert.Equal("faith: memory is short", error.ToString().Trim());
        Assert.Equal(["faith: memory is shorter"], above);
    }

    [Fact]
    public void More_threads_than_the_cores_can_use_are_capped_with_a_note()
    {
        var (code, _, error) = Run("attribute", "--model", model, "--data", data, "--out", At("many.json"), "--device", "cpu", "--threads", "1024");
        Assert.Equal(0, code);
        var cores = Environment.ProcessorCount;
        if (1024 > 4 * cores) Assert.StartsWith("faith: --threads 1024: there ", Assert.Single(error.TrimEnd().Split(Environment.NewLine)), StringComparison.Ordinal);
        Assert.Contains($"{cores} thread", Json("many.json").GetProperty("run").GetProperty("device").GetString(), StringComparison.Ordinal);
        Done("attribute", "--model", model, "--data", data, "--out", At("few.json"), "--device", "cpu", "--threads", $"{2 * cores}");
        Assert.Equal(Json("few.json").GetProperty("edges").GetRawText(), Json("many.json").GetProperty("edges").GetRawText());
    }

    [Fact]
    public void Attribute_writes_scores_and_how_they_came_about()
    {
        var output = Done("attribute", "--model", model, "--data", data, "--out", At("scores.json"), "--steps", "7", "--rule", "midpoint", "--metric", "prob-diff");
        Assert.Contains("scored with eap-ig on 2 examples of data.jsonl", output, StringComparison.Ordinal);
        var scores = Json("scores.json");
        Assert.Equal(2, scores.GetProperty("cfg").GetProperty("n_layers").GetInt32());
        Assert.Equal(8, scores.GetProperty("cfg").GetProperty("d_model").GetInt32());
        Assert.All(scores.GetProperty("edges").EnumerateObject(), e => Assert.True(double.IsFinite(e.Value.GetProperty("score").GetDouble())));
        var run = scores.GetProperty("run");
        Assert.Equal(64, run.GetProperty("data_hash").GetString()!.Length);
        Assert.Equal(("eap-ig", 7, "midpoint", "prob-diff", 2), (run.GetProperty("method").GetString(), run.GetProperty("steps").GetInt32(), run.GetProperty("rule").GetString(),
            run.GetProperty("metric").GetString(), run.GetProperty("examples").GetInt32()));
    }

    [Fact]
    public void Attribute_gives_the_standard_error_of_every_edge()
    {
        Done("attribute", "--model", model, "--data", data, "--out", At("s.json"), "--json", At("r.json"));
        Dictionary<string, double> Alone(string line)
        {
            Done("attribute", "--model", model, "--data", Write("one.jsonl", line), "--out", At("one.json"), "--json", At("o.json"));
            Assert.False(Json("o.json").TryGetProperty("standard_errors", out _));
            return Json("one.json").GetProperty("edges").EnumerateObject().ToDictionary(e => e.Name, e => e.Value.GetProperty("score").GetDouble());
        }
        var alone = File.ReadAllLines(data).Select(Alone).ToArray();
        var errors = Json("r.json").GetProperty("standard_errors").EnumerateObject().ToArray();
        Assert.Equal(alone[0].Keys, errors.Select(e => e.Name));
        // Of two examples it is half of what separates them.
        Assert.All(errors, e => Assert.Equal(Math.Abs(alone[0][e.Name] - alone[1][e.Name]) / 2, e.Value.GetDouble(), 1e-6));
        Assert.Contains(errors, e => e.Value.GetDouble() > 1e-4);
    }

    [Theory]
    [InlineData("exact", "patching", "edge", null, null)]
    [InlineData("exact", "zero", "node", null, null)]
    [InlineData("eap-ig-activations", "mean", "edge", 5, "right")]
    [InlineData("eap", "mean-positional", "neuron", null, null)]
    [InlineData("ifr", "patching", "edge", null, null)]
    [InlineData("acdc", "patching", "edge", null, null)]
    public void Every_method_ablation_and_level_can_be_asked_for(string method, string ablation, string level, int? steps, string? rule)
    {
        Done("attribute", "--model", model, "--data", data, "--out", At("s.json"), "--method", method, "--ablation", ablation, "--level", level);
        var run = Json("s.json").GetProperty("run");
        Assert.Equal((method, ablation, level), (run.GetProperty("method").GetString(), run.GetProperty("ablation").GetString(), run.GetProperty("level").GetString()));
        Assert.Equal(steps, run.TryGetProperty("steps", out var m) ? m.GetInt32() : null);
        Assert.Equal(rule, run.TryGetProperty("rule", out var r) ? r.GetString() : null);
        var input = Json("s.json").GetProperty("nodes").GetProperty("input");
        Assert.Equal(level != "edge", input.TryGetProperty("score", out _));
        Assert.Equal(level == "neuron", input.TryGetProperty("neurons_scores", out var neurons) && neurons.GetArrayLength() == 8);
        if (level == "edge") return;
        Assert.Contains("edges", Done("circuit", "--scores", At("s.json"), "--nodes", "3", "--out", At("c.json")), StringComparison.Ordinal);
        Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"), "--ablation", ablation, "--json", At("r.json"));
        Assert.Equal(ablation, Json("r.json").GetProperty("ablation").GetString());
    }

    [Theory]
    [InlineData("--method", "exact", "--level", "node")]
    [InlineData("--compat", "eap-ig", "--level", "node")]
    [InlineData("--compat", "eap-ig", "--level", "neuron")]
    [InlineData("--method", "exact", "--level", "neuron")]
    public void Where_only_nodes_were_scored_edges_have_no_scores(params string[] options)
    {
        var output = Done(["attribute", "--model", model, "--data", data, "--out", At("s.json"), .. options]);
        Assert.Matches(options.Contains("neuron") ? @"7 nodes and \d+ neurons scored with" : "7 nodes scored with", output);
        Assert.DoesNotContain("->", output, StringComparison.Ordinal);
        Assert.All(Json("s.json").GetProperty("edges").EnumerateObject(), edge => Assert.False(edge.Value.TryGetProperty("score", out _)));
        Done("circuit", "--scores", At("s.json"), "--nodes", "3", "--out", At("c.json"));
        Refused($"{At("s.json")}: the edges have no scores to select by; faith attribute --level edge gives them", "circuit", "--scores", At("s.json"), "--edges", "5", "--out", At("d.json"));
    }

    [Fact]
    public void Exact_patching_can_be_kept_to_the_best_edges()
    {
        Done("attribute", "--model", model, "--data", data, "--out", At("s.json"), "--method", "exact", "--top", "5");
        Assert.Equal(5, Json("s.json").GetProperty("edges").EnumerateObject().Count(e => e.Value.GetProperty("score").GetDouble() != 0));
        Done("attribute", "--model", model, "--data", data, "--out", At("ifr.json"), "--method", "ifr");
        Done("attribute", "--model", model, "--data", data, "--out", At("t.json"), "--method", "exact", "--top", "3", "--top-of", At("ifr.json"));
        var scores = Json("ifr.json").GetProperty("edges").EnumerateObject().ToDictionary(e => e.Name, e => e.Value.GetProperty("score").GetDouble());
        var tried = Json("t.json").GetProperty("edges").EnumerateObject().Where(e => e.Value.GetProperty("score").GetDouble() != 0).Select(e => e.Name).ToArray();
        Assert.Equal(3, tried.Length);
        Assert.Equal(("3", "ifr.json"), (Json("t.json").GetProperty("run").GetProperty("options").GetProperty("top").GetString(), Json("t.json").GetProperty("run").GetProperty("options").GetProperty("top_of").GetString()));
        Assert.True(tried.Min(name => scores[name]) >= scores.Where(s => !tried.Contains(s.Key)).Max(s => s.Value));
        foreach (var level in new[] { "node", "neuron" })
        {
            Refused("--top tries single edges; leave it out or take --level edge", "attribute", "--model", model, "--data", data, "--out", At("u.json"), "--method", "exact", "--top", "5", "--level", level);
        }
        Refused("--top-of needs --top N", "attribute", "--model", model, "--data", data, "--out", At("u.json"), "--method", "exact", "--top-of", At("ifr.json"));
        Refused($"{At("none.json")}: there is no such file", "attribute", "--model", model, "--data", data, "--out", At("u.json"), "--method", "exact", "--top", "3", "--top-of", At("none.json"));
    }

    [Fact]
    public void The_circuits_of_given_thresholds_can_be_selected()
    {
        string[] acdc = ["attribute", "--model", model, "--data", data, "--out", At("s.json"), "--method", "acdc"];
        var output = Done([.. acdc, "--thresholds", "0.003,0.1", "--json", At("r.json")]);
        Assert.Contains("faith circuit --threshold", output, StringComparison.Ordinal);
        Assert.Equal("0.003,0.1", Json("s.json").GetProperty("run").GetProperty("options").GetProperty("thresholds").GetString());
        var circuits = Json("r.json").GetProperty("thresholds").EnumerateArray().ToArray();
        Assert.Equal([0.1, 0.2], circuits.Select(c => c.GetProperty("least_score").GetDouble()));
        foreach (var circuit in circuits)
        {
            var left = circuit.GetProperty("edges").GetInt32();
            Assert.Equal(left, Json("s.json").GetProperty("edges").EnumerateObject().Count(e => e.Value.GetProperty("score").GetDouble() >= circuit.GetProperty("least_score").GetDouble()));
            Assert.Contains($" {left} ", output, StringComparison.Ordinal);
        }
        Refused("--thresholds must be numbers above 0 that rise, separated by commas, not 0.2,0.1", [.. acdc, "--thresholds", "0.2,0.1"]);
        Refused("--thresholds must be numbers above 0", [.. acdc, "--thresholds", "0,x"]);
        Refused("--thresholds needs --method acdc", "attribute", "--model", model, "--data", data, "--out", At("t.json"), "--thresholds", "0.1");
    }

    [Fact]
    public void Ablation_data_are_recorded_and_matter()
    {
        var other = Write("other.jsonl", """
            {"clean": [3, 3, 3, 3], "corrupted": [9, 9, 9, 9], "answers": [1], "distractors": [2]}
            {"clean": [4, 4, 4, 4, 4], "corrupted": [5, 6, 7, 8, 9], "answers": [1], "distractors": [2]}
            """);
        foreach (var ablation in (string[])["patching", "mean"])
        {
            Done("attribute", "--model", model, "--data", data, "--out", At("a.json"), "--ablation", ablation);
            Done("attribute", "--model", model, "--data", data, "--out", At("b.json"), "--ablation", ablation, "--ablation-data", other);
            Assert.NotEqual(Json("a.json").GetProperty("edges").ToString(), Json("b.json").GetProperty("edges").ToString());
            Assert.Equal("other.jsonl", Json("b.json").GetProperty("run").GetProperty("options").GetProperty("ablation_data").GetString());
            Done("curve", "--model", model, "--data", data, "--scores", At("b.json"), "--ablation", ablation, "--ablation-data", other, "--out", At("c.csv"));
        }
    }

    [Fact]
    public void Examples_takes_the_first_ones() =>
        Assert.Contains("on 1 examples", Done("attribute", "--model", model, "--data", data, "--out", At("s.json"), "--examples", "1"), StringComparison.Ordinal);

    [Fact]
    public void Evaluate_gives_1_for_the_full_and_0_for_the_empty_circuit()
    {
        var scores = Scores();
        var all = Json("scores.json").GetProperty("edges").EnumerateObject().Count();
        foreach (var (edges, faithfulness) in new[] { (all, 1.0), (0, 0.0) })
        {
            Done("circuit", "--scores", scores, "--edges", edges.ToString(CultureInfo.InvariantCulture), "--out", At("c.json"));
            Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"), "--json", At("r.json"));
            var result = Json("r.json");
            Assert.Equal(edges, result.GetProperty("edges").GetInt32());
            Assert.Equal(faithfulness, result.GetProperty("faithfulness").GetDouble(), 5);
            Assert.Equal(("logit-diff", "patching"), (result.GetProperty("metric").GetString(), result.GetProperty("ablation").GetString()));
            foreach (var run in (string[])["circuit", "clean", "corrupted"])
            {
                var values = result.GetProperty(run).GetProperty("per_example").EnumerateArray().Select(v => v.GetDouble()).ToArray();
                Assert.Equal(2, values.Length);
                Assert.Equal(values.Average(), result.GetProperty(run).GetProperty("mean").GetDouble());
            }
        }
    }

    [Theory]
    [InlineData("patching")]
    [InlineData("zero")]
    [InlineData("mean")]
    public void Neurons_are_selected_and_evaluated(string ablation)
    {
        // The random model must prefer the answers on clean prompts, or there is nothing to keep.
        var data = ablation == "patching" ? this.data : Write("swapped.jsonl", Data.Replace("answers", "?", StringComparison.Ordinal).Replace("distractors", "answers", StringComparison.Ordinal).Replace("?", "distractors", StringComparison.Ordinal));
        Done("attribute", "--model", model, "--data", data, "--out", At("n.json"), "--level", "neuron", "--ablation", ablation);
        foreach (var (neurons, faithfulness) in new[] { ("56", 1.0), ("0", 0.0) })
        {
            Done("circuit", "--scores", At("n.json"), "--neurons", neurons, "--out", At("c.json"));
            Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"), "--ablation", ablation, "--json", At("r.json"));
            Assert.Equal((faithfulness, int.Parse(neurons, CultureInfo.InvariantCulture)), (Json("r.json").GetProperty("faithfulness").GetDouble(), Json("r.json").GetProperty("neurons").GetInt32()));
        }
        Done("circuit", "--scores", At("n.json"), "--neurons", "20", "--out", At("c.json"));
        Done("evaluate", "--model", model, "--data", data, "--circuit", At("c.json"), "--ablation", ablation, "--json", At("r.json"));
        Done("curve", "--model", model, "--data", data, "--scores", At("n.json"), "--neurons", "20,56", "--ablation", ablation, "--out", At("curve.csv"), "--svg", At("curve.svg"));
        var lines = File.ReadAllLines(At("curve.csv"));
        Assert.Equal(Json("r.json").GetProperty("faithfulness").GetDouble(), double.Parse(lines[1].Split(',')[^1], CultureInfo.InvariantCulture));
        Assert.EndsWith(",1", lines[2], StringComparison.Ordinal);
        Assert.Contains(">neurons</text>", File.ReadAllText(At("curve.svg")), StringComparison.Ordinal);
        var benchmark = Done("curve", "--model", model, "--data", data, "--scores", At("n.json"), "--level", "neuron", "--mib", "--ablation", ablation, "--out", At("curve.csv"));
        Assert.Contains("CMD", benchmark, StringComparison.Ordinal);
        Assert.Equal("28", File.ReadAllLines(At("curve.csv"))[9].Split(',')[0]);
        Done("curve", "--model", model, "--data", data, "--scores", At("n.json"), "--nodes", "2,6", "--ablation", ablation, "--out", At("curve.csv"));
        Assert.EndsWith(",1", File.ReadAllLines(At("curve.csv"))[2], StringComparison.Ordinal);
        Assert.Contains("of 56 neurons", Done("draw", At("c.json"), "--out", At("c.svg")), StringComparison.Ordinal);
        Assert.Contains("neurons of 56", File.ReadAllText(At("c.svg")), StringComparison.Ordinal);
        Refused("is not a set of edges", "check-circuit", "--model", model, "--data", data, "--circuit", At("c.json"));
        Refused("--select is of edges", "curve", "--model", model, "--data", data, "--scores", At("n.json"), "--neurons", "20", "--select", "greedy", "--out", At("d.csv"));
        Refused("give --nodes or --neurons, not both", "curve", "--model", model, "--data", data, "--scores", At("n.json"), "--neurons", "20", "--nodes", "1", "--out", At("d.csv"));
    }

    [Fact]
    public void Curve_goes_through_the_sizes_in_order()
    {
        var scores = Scores();
        Done("curve", "--model", model, "--data", data, "--scores", scores, "--edges", "20,5, 10", "--out", At("curve.csv"));
        var lines = File.ReadAllLines(At("curve.csv"));
        Assert.Equal("selected,edges,nodes,circuit,clean,corrupted,faithfulness", lines[0]);
        Assert.Equal(["5", "10", "20"], lines[1..].Select(line => line.Split(',')[0]));
        var output = Done("curve", "--model", model, "--data", data, "--scores", scores, "--select", "greedy", "--out", At("curve.csv"));
        Assert.Equal(1, double.Parse(File.ReadAllLines(At("curve.csv"))[^1].Split(',')[^1], CultureInfo.InvariantCulture), 5);
        Assert.Contains("faithfulness", output, StringComparison.Ordinal);
        Done("curve", "--model", model, "--data", data, "--scores", scores, "--out", At("curve.csv"), "--svg", At("curve.svg"));
        Assert.StartsWith("<svg", File.ReadAllText(At("curve.svg")), StringComparison.Ordinal);
    }

    [Fact]
    public void Attribute_writes_the_run_in_numbers()
    {
        Done("attribute", "--model", model, "--data", data, "--out", At("scores.json"), "--json", At("run.json"));
        var run = Json("run.json");
        Assert.Equal(Json("scores.json").GetProperty("edges").EnumerateObject().Count(), run.GetProperty("edges").GetInt32());
        Assert.Equal(2, run.GetProperty("clean").GetProperty("per_example").GetArrayLength());
        Assert.Equal(Json("scores.json").GetProperty("run").GetProperty("completeness_gap").GetDouble(), run.GetProperty("completeness_gap").GetDouble());
        Assert.InRange(run.GetProperty("phases").EnumerateObject().Sum(p => p.Value.GetDouble()), double.Epsilon, run.GetProperty("seconds").GetDouble());
    }

    [Fact]
    public void Bad_options_are_refused()
    {
        string[] attribute = ["attribute", "--model", model, "--data", data, "--out", At("s.json")];
        Refused("--method magic is not known; known: eap, eap-ig", [.. attribute, "--method", "magic"]);
        Refused("--rule up is not known; known: left, right", [.. attribute, "--rule", "up"]);
        Refused("--metric loss is not known; known: logit-diff, prob-diff, logprob, kl, js", [.. attribute, "--metric", "loss"]);
        Refused("--steps must be a whole number from 1 to 10000, not 0", [.. attribute, "--steps", "0"]);
        Refused("--steps must be a whole number from 1 to 10000, not five", [.. attribute, "--steps", "five"]);
        Refused("--examples must be a whole number from 1 to", [.. attribute, "--examples", "0"]);
        Refused("--threads must be a whole number from 1 to 1024, not -2", [.. attribute, "--threads", "-2"]);
        Refused("--memory must be a number of GiB above 0, not 0", [.. attribute, "--memory", "0"]);
        Refused("MiB, more than the 0.001 MiB allowed: raise --memory or shorten it", [.. attribute, "--memory", "0.000001"]);
        Refused("--device", [.. attribute, "--device", "tpu"]);
        Refused("--ablation none is not known; known: patching, zero, mean, mean-positional", [.. attribute, "--ablation", "none"]);
        Refused("--level layer is not known; known: edge, node, neuron", [.. attribute, "--level", "layer"]);
        Refused("--top needs --method exact", [.. attribute, "--top", "3"]);
        Refused("--ablation-data nothing: neither a file nor a built-in task (ioi, ", [.. attribute, "--ablation-data", "nothing"]);
        Refused("--ablation-data sva: a built-in task is text, but the model has no tokenizer", [.. attribute, "--ablation-data", "sva"]);
        Refused("--ablation-data: zero takes nothing from data", [.. attribute, "--ablation", "zero", "--ablation-data", data]);
        Refused("one.jsonl: patching from other data needs one prompt an example: 1 for 2; give as many, or --examples 1", [.. attribute, "--ablation-data", Write("one.jsonl", Data.Split('\n')[0])]);
        Refused("short.jsonl, line 2: the prompt to patch from has 1 tokens and the clean prompt of example 2", [.. attribute, "--ablation-data", Write("short.jsonl", Data.Split('\n')[0] + "\n{\"clean\": [1], \"corrupted\": [2]}")]);
        // Given again, an option would count once, and which of the two a reader could not tell.
        Refused("--metric is given twice; give it once", [.. attribute, "--metric", "kl", "--metric", "js"]);
        Refused("--data is given twice; give it once", [.. attribute, "--data"]);
        Refused("--ablation-data has no value: --metric behind it is an option of faith attribute", [.. attribute, "--ablation-data", "--metric"]);
        Refused("--out has no value: --svg behind it is an option of faith curve", "curve", "--model", model, "--data", data, "--scores", Scores(), "--out", "--svg");
        Refused("--out has no value: --signed behind it is an option of faith circuit (a file of that name is ./--signed)", "circuit", "--scores", Scores(), "--edges", "5", "--out", "--signed");
        Refused("--steps must be a whole number from 1 to 10000, not ''", [.. attribute, "--steps", ""]);
        Refused("--model", "attribute", "--data", data, "--out", At("s.json"));
        Refused($"{At("none/s.json")}: the folder does not exist", "attribute", "--model", model, "--data", data, "--out", At("none/s.json"));
        var scores = Scores();
        Refused("--edges must be whole numbers separated by commas, not 5,x", "curve", "--model", model, "--data", data, "--scores", scores, "--edges", "5,x", "--out", At("c.csv"));
        Refused("--edges 100000: the graph of", "curve", "--model", model, "--data", data, "--scores", scores, "--edges", "5,100000", "--out", At("c.csv"));
    }

    [Fact]
    public void Bad_data_are_refused()
    {
        RefusedData("nowhere.jsonl: no such file", At("nowhere.jsonl"));
        RefusedData("--data nothing: neither a file nor a built-in task (ioi, ", "nothing");
        RefusedData("--data ioi: a built-in task is text, but the model has no tokenizer", "ioi");
        RefusedData("bad.jsonl, line 2, column 2: not valid JSON", Write("bad.jsonl", Data.Split('\n')[0] + "\n{x"));
        RefusedData("bad.jsonl, line 1: clean has 2 tokens and corrupted 1", Write("bad.jsonl", """{"clean": [1, 2], "corrupted": [1], "answers": [1], "distractors": [2]}"""));
        RefusedData("bad.jsonl, line 1: token id 16 in \"clean\" is outside the vocabulary (0 to 15)", Write("bad.jsonl", """{"clean": [16], "corrupted": [1], "answers": [1], "distractors": [2]}"""));
        RefusedData("\"clean\" has 9 tokens; the model's context holds 8", Write("bad.jsonl", """{"clean": [1,1,1,1,1,1,1,1,1], "corrupted": [1,1,1,1,1,1,1,1,2], "answers": [1], "distractors": [2]}"""));
        RefusedData("line 1: \"clean\" holds text (\"a b\"), but the model has no tokenizer", Write("bad.jsonl", """{"clean": "a b", "corrupted": [1], "answers": [1], "distractors": [2]}"""));
        RefusedData("the data set holds no examples", Write("bad.jsonl", ""));
        var renamed = Write("named.jsonl", """{"q": [1, 2], "w": [1, 3], "yes": [1]}""");
        Refused("named.jsonl, line 1: \"no\" is missing, which --metric logit-diff needs", "attribute", "--model", model, "--data", renamed, "--columns", "clean=q,corrupted=w,answers=yes,distractors=no", "--out", At("s.json"));
        Refused("named.jsonl, line 1: \"v\" is missing, which --ablation patching needs", "attribute", "--model", model, "--data", renamed, "--columns", "clean=q,corrupted=v,answers=yes,distractors=no", "--out", At("s.json"));
        Refused("bad.jsonl, line 1: \"clean\": ", "tokens", "--model", "tasks-4l", "--data", Write("bad.jsonl", $"{{\"clean\": \"{new string('x', 30_000)}\"}}"));

        void RefusedData(string message, string path) => Refused(message, "attribute", "--model", model, "--data", path, "--out", At("s.json"));
    }

    [Fact]
    public void Bad_models_and_circuits_are_refused()
    {
        Refused("is neither a directory nor a shipped model", "attribute", "--model", "nobody", "--data", data, "--out", At("s.json"));
        var broken = TinyModel.Write(At("broken"));
        File.WriteAllBytes(Path.Combine(broken, "model.safetensors"), File.ReadAllBytes(Path.Combine(broken, "model.safetensors"))[..^10]);
        Refused("model.safetensors", "attribute", "--model", broken, "--data", data, "--out", At("s.json"));
        Refused("nowhere.json: there is no such file", "evaluate", "--model", model, "--data", data, "--circuit", At("nowhere.json"));
        var other = Write("other.json", """{"cfg": {"n_layers": 0, "n_heads": 1, "parallel_attn_mlp": false, "d_model": 8}, "nodes": {}, "edges": {"input->logits": {"score": 1, "in_graph": true}}}""");
        Refused("other.json", "evaluate", "--model", model, "--data", data, "--circuit", other);
    }

    [Theory]
    [InlineData("--steps does nothing with --method eap, which has none", "--method", "eap", "--steps", "3")]
    [InlineData("--rule does nothing with --method exact, which has none", "--method", "exact", "--rule", "right")]
    [InlineData("--rule does nothing with --method gim, at a single step", "--method", "gim", "--rule", "left")]
    [InlineData("--rule does nothing with --method eap-ig-activations, which takes right", "--method", "eap-ig-activations", "--rule", "left")]
    [InlineData("kl is smallest at the clean run", "--method", "eap", "--metric", "kl")]
    [InlineData("", "--method", "eap-ig", "--rule", "right", "--steps", "2", "--metric", "kl")]
    public void What_does_nothing_is_said(string note, params string[] more)
    {
        var (code, _, error) = Run(["attribute", "--model", model, "--data", data, "--out", At("s.json"), .. more]);
        Assert.Equal(0, code);
        if (note.Length == 0) Assert.Empty(error);
        else Assert.Matches($"^faith: {note}[^\\n]*\\n$", error.ReplaceLineEndings("\n"));
    }

    [Fact]
    public void Rules_stand_in_the_place_of_the_methods_own()
    {
        string Edges(params string[] more)
        {
            Done(["attribute", "--model", model, "--data", data, "--out", At("s.json"), .. more]);
            return JsonNode.Parse(File.ReadAllText(At("s.json")))!["edges"]!.ToJsonString();
        }
        Assert.Equal(Edges("--method", "gim"), Edges("--method", "eap", "--rules", "norm, gate,softmax,products"));
        Assert.Equal("norm,gate,softmax,products", (string)JsonNode.Parse(File.ReadAllText(At("s.json")))!["run"]!["options"]!["rules"]!);
        Assert.Equal(Edges("--steps", "2"), Edges("--method", "gim", "--rules", "none", "--steps", "2"));
        string[] attribute = ["attribute", "--model", model, "--data", data, "--out", At("t.json")];
        Refused("no rule 'gates'; known: norm, gate, activation, pattern, softmax, products", [.. attribute, "--rules", "gates"]);
        Refused("of the rules pattern and softmax one can be had", [.. attribute, "--rules", "pattern,softmax"]);
        Refused("ifr goes back by no rule", [.. attribute, "--method", "ifr", "--rules", "norm"]);
        Refused("--compat paper goes back by the derivative; leave --rules out", [.. attribute, "--compat", "paper", "--rules", "norm"]);
        Assert.False(File.Exists(At("t.json")));
    }

    [Fact]
    public void Masks_are_trained_as_the_options_say()
    {
        JsonNode Trained(string file, params string[] more)
        {
            Done(["attribute", "--model", model, "--data", data, "--out", At(file), "--method", "mattr", "--train-steps", "3", .. more]);
            return JsonNode.Parse(File.ReadAllText(At(file)))!;
        }
        var (once, again, other) = (Trained("a.json", "--seed", "5"), Trained("b.json", "--seed", "5"), Trained("c.json", "--seed", "6"));
        Assert.Equal(once["edges"]!.ToJsonString(), again["edges"]!.ToJsonString());
        Assert.NotEqual(once["edges"]!.ToJsonString(), other["edges"]!.ToJsonString());
        Assert.Equal(("3", "5"), ((string)once["run"]!["options"]!["train_steps"]!, (string)once["run"]!["options"]!["train_seed"]!));
        Assert.Equal("a.json", (string)Trained("d.json", "--warm-start", At("a.json"), "--learning-rate", "0.5")["run"]!["options"]!["warm_start"]!);
        Done(["attribute", "--model", model, "--data", data, "--out", At("p.json"), "--method", "edge-pruning", "--metric", "kl", "--train-steps", "3", "--target-share", "0.25", "--level", "node"]);
        Assert.Equal("0.25", (string)JsonNode.Parse(File.ReadAllText(At("p.json")))!["run"]!["options"]!["target_share"]!);
        string[] attribute = ["attribute", "--model", model, "--data", data, "--out", At("t.json")];
        Refused("--train-steps needs --method mattr or edge-pruning", [.. attribute, "--train-steps", "3"]);
        Refused("--target-share needs --method edge-pruning", [.. attribute, "--method", "mattr", "--target-share", "0.5"]);
        Refused("--target-share must be a number between 0 and 1, not 1", [.. attribute, "--method", "edge-pruning", "--target-share", "1"]);
        Refused("--learning-rate must be a number above 0, at most 100, not 0", [.. attribute, "--method", "mattr", "--learning-rate", "0"]);
        Refused("nowhere.json: there is no such file", [.. attribute, "--method", "mattr", "--warm-start", At("nowhere.json")]);
        Refused("edge-pruning masks edges and nodes", [.. attribute, "--method", "edge-pruning", "--level", "neuron"]);
        Refused("mattr masks edges and nodes", [.. attribute, "--method", "mattr", "--level", "neuron"]);
        Assert.False(File.Exists(At("t.json")));
    }

    [Fact]
    public void A_checkpoint_is_of_one_run_and_whole()
    {
        string[] attribute = ["attribute", "--model", model, "--data", data, "--out", At("t.json"), "--method", "mattr", "--train-steps", "3"];
        string[] kept = [.. attribute, "--checkpoint", At("c")];
        Done(kept);
        Assert.Contains("going on after 3 steps", Run([.. kept, "--threads", "1"]).Error, StringComparison.Ordinal);
        File.Delete(At("t.json"));
        Refused("c: is the checkpoint of another run: learning-rate was 0.05, and is 0.1 now; give another name", [.. kept, "--learning-rate", "0.1"]);
        Refused("c: is the checkpoint of another run: level was edge, and is node now", [.. kept, "--level", "node"]);
        Refused("--checkpoint needs --method mattr or edge-pruning", ["attribute", "--model", model, "--data", data, "--out", At("t.json"), "--checkpoint", At("c")]);
        Refused("--checkpoint-every needs --checkpoint FILE", [.. attribute, "--checkpoint-every", "5"]);
        var whole = File.ReadAllBytes(At("c"));
        foreach (var (bytes, message) in ((byte[], string)[])[(whole[..^9], "damaged or cut short"), ([.. whole[..60], (byte)~whole[60], .. whole[61..]], "damaged or cut short"), ("x"u8.ToArray(), "is no checkpoint of a training"), ([], "is empty")])
        {
            File.WriteAllBytes(At("c"), bytes);
            Refused(message, kept);
        }
        Refused("is a device", [.. attribute, "--checkpoint", "/dev/null"]);
        Refused("the folder does not exist", [.. attribute, "--checkpoint", At("nowhere/c")]);
        Assert.False(File.Exists(At("t.json")));
    }

    [Fact]
    public void A_circuit_of_another_model_of_the_same_graph_is_evaluated_with_a_note()
    {
        var (circuit, other) = (SelectedCircuit(), TinyModel.Write(At("other"), scale: 2));
        var (code, _, error) = Run("evaluate", "--model", other, "--data", data, "--circuit", circuit);
        Assert.Equal(0, code);
        Assert.Matches(@"^faith: .* was made with another model \(.*\) than .*, of the same graph\s*$", error);
    }

    [Fact]
    public void A_model_whose_activations_overflow_is_refused()
    {
        var (scores, circuit, huge) = (Scores(), SelectedCircuit(), TinyModel.Write(At("huge"), scale: 1e30f));
        foreach (var metric in (string[])["logit-diff", "kl"])
        {
            foreach (var method in (string[])["eap", "eap-ig", "clean-corrupted", "eap-ig-activations", "exact", "ifr", "acdc"])
            {
                Refused("example 1: the metric is NaN", "attribute", "--model", huge, "--data", data, "--method", method, "--metric", metric, "--out", At("s.json"));
            }
            Refused("example 1: the metric is NaN", "evaluate", "--model", huge, "--data", data, "--circuit", circuit, "--metric", metric, "--json", At("e.json"));
            Refused("example 1: the metric is NaN", "curve", "--model", huge, "--data", data, "--scores", scores, "--metric", metric, "--out", At("c.csv"));
        }
        Refused("example 1: the metric is NaN", "accuracy", "--model", huge, "--data", data);
        // Attention that sees one key alone is no overflow.
        Done("attribute", "--model", TinyModel.Write(At("large"), scale: 1e6f), "--data", data, "--out", At("s.json"));
    }

    [Fact]
    public void A_cancelled_run_leaves_nothing()
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        using var cancelled = new CancellationTokenSource();
        cancelled.Cancel();
        var code = FaithProgram.Run(["attribute", "--model", model, "--data", data, "--out", At("s.json")], new CommandContext(output, error, false, false, cancelled.Token) { Gpus = WithoutCuda });
        Assert.Equal((FaithProgram.Interrupted, "faith: cancelled; nothing was written"), (code, error.ToString().TrimEnd()));
        Assert.False(File.Exists(At("s.json")));
    }
}
