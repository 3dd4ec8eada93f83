using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith attribute`: a model and data to edge scores.</summary>
internal static class AttributeCommand
{
    private const int BestShown = 10;

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var output = new PathOption("--out", PathRole.Output, "the scores, as JSON", required: true);
        var method = new MethodOptions(searches: true);
        var level = new ChoiceOption("--level", "what is scored besides edges", "edge", ScoreLevels.Names);
        var top = OptionKinds.OptionalInteger("--top", "with --method exact: try only the N edges that EAP-IG (or --top-of) scores highest", 1, int.MaxValue);
        var topOf = new PathOption("--top-of", PathRole.Input, "with --top: take the best edges of these scores, as written by faith attribute, instead");
        var json = new PathOption("--json", PathRole.Output, "the run in numbers: the metric of every example, completeness gap, seconds by phase");
        var command = new FaithCommand("attribute", "Scores every edge of a model's graph on a data set.",
            "faith attribute --model tasks-4l --data ioi --out scores.json",
            "faith attribute --model ./gpt2 --data ioi.csv --method eap-ig --steps 10 --rule gauss-legendre --out scores.json",
            "faith attribute --model ./gpt2 --data pairs.jsonl --metric kl --memory 2 --out scores.json",
            "faith attribute --model tasks-4l --data sva --method exact --top 50 --top-of ifr.json --out exact.json",
            "faith attribute --model tasks-4l --data sva --method exact --top 50 --ablation mean-positional --out exact.json",
            "faith attribute --model tasks-4l --data ioi --method acdc --examples 10 --thresholds 0.01,0.05,0.2 --out acdc.json",
            "faith attribute --model tasks-4l --data ioi --method mattr --warm-start scores.json --train-steps 1000 --out masks.json",
            "faith attribute --model tasks-4l --data ioi --method mattr --checkpoint masks.ckpt --out masks.json",
            "faith attribute --model tasks-4l --data ioi --steps auto --tolerance 0.005 --out scores.json",
            "faith attribute --model ./gpt2 --data ioi.csv --compat eap-ig --compat-batch 10 --out scores.json",
            "faith attribute --model tasks-4l --data sva --level neuron --out neurons.json",
            "faith attribute --model ./gpt2 --data roles.jsonl --positions spans --out scores.json");
        run.AddTo(command);
        command.Add(output);
        method.AddTo(command);
        command.Add(level);
        command.Add(top);
        command.Add(topOf);
        command.Add(json);
        command.Validators.Add(result =>
        {
            if (result.GetResult(top) is not null && method.Method.In(result) is not (null or "exact")) result.AddError("--top needs --method exact");
            if (result.GetResult(top) is not null && level.In(result) is not (null or "edge")) result.AddError("--top tries single edges; leave it out or take --level edge");
            if (result.GetResult(topOf) is not null && result.GetResult(top) is null) result.AddError("--top-of needs --top N");
        });
        command.SetAction(parse =>
        {
            var path = parse.GetRequiredValue(output);
            var jsonPath = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var loaded = run.Load(parse, model, method.Positions(parse));
            var (data, choice) = (loaded.Data, run.Device(parse));
            var options = method.Read(parse, loaded.Evaluation(choice)) with { Level = ScoreLevels.Parse(parse.GetRequiredValue(level)), WarmStart = method.WarmStart(parse, model) };
            var given = parse.GetValue(topOf) is { } of ? CircuitFile.Read(of, model).Scores ?? throw new InputException($"{of}: the edges have no scores to select by") : null;
            var models = model.OnAll(choice);
            if (models.Count > 1 && !AttributionMethods.Find(options.Method).ScoresByExample(options))
            {
                choice.NoteFirst($"{options.Method} at the level of {options.Level.Name()}s", models.First.Device);
                models = models.First;
            }
            string Identity() => TrainingIdentity.Of(loaded.By(options), models.First);
            options = options with { Checkpoint = method.Checkpoint(parse, Identity, context.Note) };
            var attribution = ProgressDisplay.Run(context, progress =>
            {
                if (parse.GetValue(top) is { } count)
                {
                    var ranking = given ?? Attributor.Run(models, data, options with { Method = "eap-ig", Level = ScoreLevel.Edge }, progress, context.Cancellation).Scores;
                    options = options with { OnlyEdges = [.. Best(ranking, count)] };
                }
                return method.Run(parse, models, data, options, progress, context.Cancellation);
            });
            (var result, options) = (attribution.Result, attribution.Options);
            var settings = attribution.Settings.ToDictionary();
            if (parse.GetValue(top) is { } tried) settings["top"] = tried.ToString(CultureInfo.InvariantCulture);
            if (parse.GetValue(topOf) is { } ranked) settings["top_of"] = Path.GetFileName(ranked);
            loaded = loaded.By(options);
            var record = loaded.Record(result, models, settings) with { Seconds = attribution.Seconds };
            var file = result.Spans is { } spans ? new SpanScoreFile { Graph = spans.Graph, DModel = models.Config.Width, Scores = spans, NodeScores = result.SpanNodes, InGraph = SpanCircuit.Empty(spans.Graph), Run = record }.ToOutput(path) : new ScoreFile
            {
                Graph = models.Graph, DModel = models.Config.Width, Scores = result.HasEdgeScores ? result.Scores : null, InGraph = Circuit.Empty(models.Graph), Nodes = NodeEntry.Of(result.NodeScores, result.NeuronScores, models.Config.Width),
                Run = record,
            }.ToOutput(path);
            Output[] numbers = jsonPath is null ? [] : [JsonFile.ToOutput(jsonPath, writer => Members(writer, attribution))];
            OutputFile.WriteTogether([file, .. numbers]);
            method.NoteWhatDidNothing(context, parse, options);
            if (loaded.Doubt(result) is { } doubt) context.Note(doubt);
            if (options.Metric.IsDivergence() && AttributionMethods.Find(options.Method).Path(options, models.Graph) is { } points && points.All(p => p.Alpha is 1))
                context.Note($"{options.Metric.Name()} is smallest at the clean run, so that its gradient there is zero, and with it the scores of {options.Method}; eap-ig and clean-corrupted have others");
            Summarise(context, path, data, attribution);
            DataSummary.Write(context, model, models.First, data, options.Metric, result.Clean, result.Corrupted);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, MethodRun run)
    {
        var result = run.Result;
        json.WriteNumber("edges", result.Spans?.Graph.Edges ?? result.Scores.Graph.Edges);
        json.WriteMetric("clean", result.Clean);
        json.WriteMetric("corrupted", result.Corrupted);
        json.WriteNumberOrNull("completeness_gap", result.CompletenessGap ?? double.NaN);
        if (result.ExampleGaps is { } gaps)
        {
            json.WriteStartArray("completeness_gaps");
            foreach (var gap in gaps) json.WriteNumberValueOrNull(gap);
            json.WriteEndArray();
        }
        if (run.Convergence is { } convergence)
        {
            json.WriteBoolean("converged", convergence.Converged);
            json.WriteStartArray("rounds");
            foreach (var round in convergence.Rounds)
            {
                json.WriteStartObject();
                json.WriteNumber("steps", round.Steps);
                json.WriteNumber("gradients", round.Gradients);
                json.WriteNumberOrNull("completeness_gap", round.CompletenessGap ?? double.NaN);
                json.WriteNumberOrNull("jaccard", round.Jaccard ?? double.NaN);
                json.WriteNumber("seconds", round.Seconds);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        if (result.Thresholds is { } thresholds)
        {
            json.WriteStartArray("thresholds");
            foreach (var circuit in thresholds)
            {
                json.WriteStartObject();
                json.WriteNumberOrNull("threshold", circuit.Threshold);
                json.WriteNumber("edges", circuit.Edges);
                json.WriteNumberOrNull("least_score", circuit.LeastScore);
                json.WriteEndObject();
            }
            json.WriteEndArray();
        }
        if (result is { SpanErrors: { } bySpan, Spans.Graph: var spans })
        {
            json.WriteStartObject("standard_errors");
            foreach (var edge in SpanScoreFile.EdgeOrder(spans)) json.WriteNumberOrNull(spans.EdgeName(edge), bySpan[edge]);
            json.WriteEndObject();
        }
        else if (result.StandardErrors is { } errors)
        {
            var graph = result.Scores.Graph;
            json.WriteStartObject("standard_errors");
            foreach (var edge in ScoreFile.EdgeOrder(graph)) json.WriteNumberOrNull(graph.EdgeName(edge), errors[edge]);
            json.WriteEndObject();
        }
        json.WriteNumber("seconds", run.Seconds);
        json.WriteStartObject("phases");
        foreach (var (name, seconds) in result.Phases) json.WriteNumber(name, seconds);
        json.WriteEndObject();
        json.WriteNumber("workspace_bytes", result.WorkspaceBytes);
    }

    private static void Summarise(CommandContext context, string path, PromptSet data, MethodRun run)
    {
        var (result, options) = (run.Result, run.Options);
        var graph = result.Scores.Graph;
        var output = context.Output;
        output.WriteLine($"{path}: {(result.HasEdgeScores ? $"{result.Spans?.Graph.Edges ?? graph.Edges} edges{(result.Spans is { } over ? $" over the spans {PlainText.Short(string.Join(", ", over.Graph.Spans), 200)}" : "")}" : $"{graph.Sources} nodes{(result.NeuronScores is { } neurons ? $" and {neurons.Length:N0} neurons" : "")}")} scored with {options.Method} on {data.Count} examples of {data.Name} in {run.Seconds:0.00} s");
        output.WriteLine($"{options.Metric.Name()}: {Figures.Fixed(result.Clean.Average())} clean, {Figures.Fixed(result.Corrupted.Average())} {(options.Ablation == Ablation.Patching ? "corrupted" : "ablated")}"
            + (result.CompletenessGap is { } gap ? $"; completeness gap {Figures.Percent(gap, 1)}" : ""));
        if (run.Convergence is { } convergence)
        {
            output.WriteLine(convergence.Converged
                ? $"{options.Steps} steps were enough ({options.Rule.Name()})"
                : $"{options.Steps} steps, the most allowed, were not enough ({options.Rule.Name()}); --most-steps allows more");
        }
        if (result.Thresholds is { } thresholds)
        {
            var circuits = new TextTable(">threshold", ">edges left", "faith circuit --threshold");
            foreach (var circuit in thresholds) circuits.Add(Figures.Short(circuit.Threshold), $"{circuit.Edges}", Figures.Exact(circuit.LeastScore));
            circuits.Write(context);
        }
        if (result.TrialsPerSecond is { } trials) output.WriteLine($"{trials:#,0} trials of an example a second");
        if (result is { SpanNodes: { } bySpanNodes, Spans.Graph: var spanGraph })
        {
            var nodeTable = new TextTable("node", ">score");
            foreach (var place in Enumerable.Range(0, bySpanNodes.Length).OrderByDescending(p => Math.Abs(bySpanNodes[p])).Take(BestShown))
                nodeTable.Add(spanGraph.NodeName(new(place / spanGraph.Spans.Count), place % spanGraph.Spans.Count), Figures.Fixed(bySpanNodes[place]));
            nodeTable.Write(context);
        }
        else if (result.NodeScores is { } nodes)
        {
            var nodeTable = new TextTable("node", ">score");
            foreach (var node in Enumerable.Range(0, nodes.Length).OrderByDescending(n => Math.Abs(nodes[n])).Take(BestShown)) nodeTable.Add(graph.NodeName(new(node)), Figures.Fixed(nodes[node]));
            nodeTable.Write(context);
        }
        if (!result.HasEdgeScores) return;
        var table = new TextTable("edge", ">score", ">± s.e.");
        if (result.Spans is { } spans)
        {
            foreach (var edge in SpanScoreFile.EdgeOrder(spans.Graph).OrderByDescending(edge => Math.Abs(spans[edge])).Take(BestShown))
                table.Add(spans.Graph.EdgeName(edge), Figures.Fixed(spans[edge]), result.SpanErrors is { } bySpan ? Figures.Fixed(bySpan[edge]) : "");
        }
        else foreach (var edge in Best(result.Scores, BestShown))
        {
            var error = result.StandardErrors is { } errors ? Figures.Fixed(errors[edge]) : "";
            table.Add(graph.EdgeName(edge), Figures.Fixed(result.Scores[edge]), error);
        }
        table.Write(context);
    }

    private static IEnumerable<EdgeId> Best(EdgeScores scores, int count) => ScoreFile.EdgeOrder(scores.Graph)
        .OrderByDescending(edge => Math.Abs(scores[edge])).Take(count);
}
