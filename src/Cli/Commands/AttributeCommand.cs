using System.CommandLine;
using System.Text.Json;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Reports;

namespace Faith.Cli.Commands;

/// <summary>`faith attribute`: a model and data to edge scores.</summary>
internal static class AttributeCommand
{
    private const int MostSteps = 10_000;
    private const int BestShown = 10;

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var output = OptionKinds.Required("--out", "FILE", "the scores, as JSON");
        var method = OptionKinds.Choice("--method", "how edges are scored", "eap-ig", AttributionMethods.All.Select(m => m.Name));
        var steps = OptionKinds.Integer("--steps", "steps of the path integral", 5, 1, MostSteps);
        var rule = OptionKinds.Choice("--rule", "rule of the path integral", "left", IntegrationRules.Names);
        var json = OptionKinds.Optional("--json", "FILE", "the run in numbers: the metric of every example, completeness gap, seconds by phase");
        var command = new FaithCommand("attribute", "Scores every edge of a model's graph on a data set.",
            "faith attribute --model tasks-4l --data ioi --out scores.json",
            "faith attribute --model ./gpt2 --data ioi.csv --method eap-ig --steps 10 --rule gauss-legendre --out scores.json",
            "faith attribute --model ./gpt2 --data pairs.jsonl --method eap --metric kl --memory 2 --out scores.json");
        run.AddTo(command);
        command.Add(output);
        command.Add(method);
        command.Add(steps);
        command.Add(rule);
        command.Add(json);
        command.SetAction(parse =>
        {
            var path = parse.GetRequiredValue(output);
            var jsonPath = parse.GetValue(json);
            Outputs.Check(path, jsonPath);
            using var model = run.LoadModel(parse);
            var data = run.LoadData(parse, model);
            var options = new AttributionOptions
            {
                Method = parse.GetRequiredValue(method),
                Steps = parse.GetValue(steps),
                Rule = IntegrationRules.Parse(parse.GetRequiredValue(rule)),
                Metric = run.Metric(parse),
                MemoryBytes = run.Device(parse).MemoryBytes,
            };
            var transformer = model.On(run.Device(parse));
            var result = ProgressDisplay.Run(context, progress => Attributor.Run(transformer, data, options, progress, context.Cancellation));
            var file = new ScoreFile
            {
                Graph = transformer.Graph, DModel = transformer.Config.Width, Scores = result.Scores, InGraph = Circuit.Empty(transformer.Graph),
                Run = RunRecords.Of(model.Name, transformer, data, options, result),
            };
            file.Write(path);
            if (jsonPath is not null) JsonFile.Write(jsonPath, writer => Members(writer, result));
            Summarise(context, path, data, options, result);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, AttributionResult result)
    {
        json.WriteNumber("edges", result.Scores.Graph.Edges);
        json.WriteMetric("clean", result.Clean);
        json.WriteMetric("corrupted", result.Corrupted);
        json.WriteNumberOrNull("completeness_gap", result.CompletenessGap ?? double.NaN);
        json.WriteNumber("seconds", result.Seconds);
        json.WriteStartObject("phases");
        foreach (var (name, seconds) in result.Phases) json.WriteNumber(name, seconds);
        json.WriteEndObject();
        json.WriteNumber("workspace_bytes", result.WorkspaceBytes);
    }

    private static void Summarise(CommandContext context, string path, PromptSet data, AttributionOptions options, AttributionResult result)
    {
        var graph = result.Scores.Graph;
        var output = context.Output;
        output.WriteLine($"{path}: {graph.Edges} edges scored with {options.Method} on {data.Count} examples of {data.Name} in {result.Seconds:0.00} s");
        output.WriteLine($"{options.Metric.Name()}: {result.Clean.Average():0.0000} clean, {result.Corrupted.Average():0.0000} corrupted"
            + (result.CompletenessGap is { } gap ? $"; completeness gap {gap:0.0%}" : ""));
        var table = new TextTable("edge", ">score", ">± s.e.");
        foreach (var (source, column) in Best(result.Scores))
        {
            var error = result.StandardErrors is { } errors ? errors[source * graph.Columns + column].ToString("0.0000") : "";
            table.Add(graph.EdgeName(source, column), result.Scores[source, column].ToString("0.0000"), error);
        }
        table.Write(context);
    }

    private static IEnumerable<(int Source, int Column)> Best(EdgeScores scores) => ScoreFile.EdgeOrder(scores.Graph)
        .OrderByDescending(edge => Math.Abs(scores[edge.Source, edge.Column])).Take(BestShown);
}
