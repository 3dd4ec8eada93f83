using System.CommandLine;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;

namespace Faith.Cli.Commands;

/// <summary>`faith evaluate`: how much of a model's behaviour a circuit keeps.</summary>
internal static class EvaluateCommand
{
    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var circuit = new PathOption("--circuit", PathRole.Input, "the circuit, as written by faith circuit", required: true);
        var json = new PathOption("--json", PathRole.Output, "the result with the value of every example");
        var command = new FaithCommand("evaluate", "Measures how faithful a circuit is: runs it with everything outside it corrupted or ablated.",
            "faith evaluate --model tasks-4l --data ioi --circuit circuit.json",
            "faith evaluate --model tasks-4l --data ioi --circuit neurons.json --ablation mean-positional",
            "faith evaluate --model ./gpt2 --data ioi.csv --circuit circuit.json --metric prob-diff --ablation mean-positional --json result.json");
        run.AddTo(command);
        command.Add(circuit);
        command.Add(json);
        command.SetAction(parse =>
        {
            var jsonPath = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var path = parse.GetRequiredValue(circuit);
            var file = CircuitFile.ReadCircuit(path, model);
            var chosen = file.InGraph;
            var data = run.LoadData(parse, model);
            var options = run.Evaluation(parse, model);
            var models = model.OnAll(run.Device(parse));
            var result = ProgressDisplay.Run(context, progress => CircuitEvaluator.Evaluate(models, data, [chosen], options, progress, context.Cancellation))[0];
            if (jsonPath is not null) JsonFile.Write(jsonPath, writer => Members(writer, chosen, options, result));
            CircuitFile.NoteDoubts(context.Note, path, file, model);
            Summarise(context, chosen, options, result);
            DataSummary.Write(context, model, models.First, data, options.Metric, result.Clean, result.Corrupted);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, Circuit circuit, EvaluationOptions options, Faithfulness result)
    {
        json.WriteNumber("edges", circuit.EdgeCount);
        if (circuit.Neurons is { } neurons) json.WriteNumber("neurons", neurons.Count);
        json.WriteStartArray("nodes");
        var nodes = circuit.NodesInCircuit();
        for (var node = 0; node < nodes.Length; node++)
        {
            if (nodes[node]) json.WriteStringValue(circuit.Graph.NodeName(new(node)));
        }
        json.WriteEndArray();
        json.WriteString("metric", options.Metric.Name());
        json.WriteString("ablation", options.Ablation.Name());
        json.WriteMetric("circuit", result.Circuit);
        json.WriteMetric("clean", result.Clean);
        json.WriteMetric("corrupted", result.Corrupted);
        json.WriteNumberOrNull("faithfulness", result.Normalised);
    }

    private static void Summarise(CommandContext context, Circuit circuit, EvaluationOptions options, Faithfulness result)
    {
        var table = new TextTable("run", $">{options.Metric.Name()}");
        table.Add("clean", Figures.Fixed(result.CleanMean));
        table.Add($"circuit of {circuit.EdgeCount} edges{(circuit.Neurons is { } neurons ? $" and {neurons.Count} neurons" : "")}", Figures.Fixed(result.CircuitMean));
        table.Add(options.Ablation == Ablation.Patching ? "corrupted" : $"ablated ({options.Ablation.Name()})", Figures.Fixed(result.CorruptedMean));
        table.Write(context);
        context.Output.WriteLine($"faithfulness {FaithfulnessText.Of(result)}");
    }
}
