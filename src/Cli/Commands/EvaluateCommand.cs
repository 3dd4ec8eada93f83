using System.CommandLine;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
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
        var worst = OptionKinds.Integer("--worst", "how many of the examples are shown of which the circuit keeps least", 5, 0, 1_000_000);
        var necessity = new Option<bool>("--necessity") { Description = "also ablate the circuit and nothing else: what the model then loses it needs the circuit for" };
        var command = new FaithCommand("evaluate", "Measures how faithful a circuit is: runs it with everything outside it corrupted or ablated.",
            "faith evaluate --model tasks-4l --data ioi --circuit circuit.json",
            "faith evaluate --model tasks-4l --data ioi --circuit circuit.json --necessity",
            "faith evaluate --model tasks-4l --data ioi --circuit neuron-circuit.json --ablation mean-positional",
            "faith evaluate --model ./gpt2 --data ioi.csv --circuit circuit.json --metric prob-diff --ablation mean-positional --json result.json");
        run.AddTo(command);
        foreach (var option in (Option[])[circuit, worst, necessity, json]) command.Add(option);
        command.SetAction(parse =>
        {
            var jsonPath = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var path = parse.GetRequiredValue(circuit);
            var bySpan = CircuitFile.TryReadSpans(path, model);
            if (bySpan is not null) CircuitFile.RequireCircuit(path, bySpan);
            var file = bySpan is null ? CircuitFile.ReadCircuit(path, model) : null;
            var chosen = bySpan is null ? Chosen.Of(file!.InGraph) : Chosen.Of(bySpan.InGraph);
            var asksNecessity = parse.GetValue(necessity);
            if (asksNecessity && chosen.Neurons is not null) throw new InputException($"--necessity: what is outside the circuit of neurons in {path} is no set of edges; leave it out");
            var loaded = run.Load(parse, model, bySpan is null ? null : PositionKinds.Of(bySpan.Graph.Spans));
            var choice = run.Device(parse);
            var (data, options) = (loaded.Data, loaded.Evaluation(choice));
            var results = ProgressDisplay.Run(context, progress => bySpan is null
                ? loaded.Evaluate(asksNecessity ? [file!.InGraph, file.InGraph.Complement()] : [file!.InGraph], choice, progress, context.Cancellation)
                : loaded.Evaluate(asksNecessity ? [bySpan.InGraph, bySpan.InGraph.Complement()] : [bySpan.InGraph], choice, progress, context.Cancellation));
            var (result, without) = (results[0], asksNecessity ? results[1] : null);
            var examples = new ExampleStatistics(model, data, result, parse.GetValue(worst));
            if (jsonPath is not null)
            {
                JsonFile.Write(jsonPath, writer =>
                {
                    Members(writer, chosen, options, result, without);
                    examples.Write(writer);
                });
            }
            if (bySpan is null) CircuitFile.NoteDoubts(context.Note, path, file!, model);
            else CircuitFile.NoteDoubts(context.Note, path, bySpan, model);
            Summarise(context, chosen, options, result, without);
            if (data.Count > 1) examples.Write(context);
            DataSummary.Write(context, model, model.On(choice), data, options.Metric, result.Clean, result.Corrupted);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, Chosen circuit, EvaluationOptions options, Faithfulness result, Faithfulness? without)
    {
        json.WriteNumber("edges", circuit.Edges);
        if (circuit.Neurons is { } neurons) json.WriteNumber("neurons", neurons.Count);
        json.WriteStartArray("nodes");
        foreach (var node in circuit.Nodes) json.WriteStringValue(node);
        json.WriteEndArray();
        json.WriteString("metric", options.Metric.Name());
        json.WriteString("ablation", options.Ablation.Name());
        json.WriteMetric("circuit", result.Circuit);
        json.WriteMetric("clean", result.Clean);
        json.WriteMetric("corrupted", result.Corrupted);
        json.WriteNumberOrNull("faithfulness", result.Normalised);
        if (without is null) return;
        json.WriteMetric("without_circuit", without.Circuit);
        json.WriteNumberOrNull("necessity", without.Lost);
    }

    private static void Summarise(CommandContext context, Chosen circuit, EvaluationOptions options, Faithfulness result, Faithfulness? without)
    {
        var table = new TextTable("run", $">{options.Metric.Name()}");
        table.Add("clean", Figures.Fixed(result.CleanMean));
        table.Add($"circuit of {circuit.Edges} edges{(circuit.Neurons is { } neurons ? $" and {neurons.Count} neurons" : "")}", Figures.Fixed(result.CircuitMean));
        if (without is not null) table.Add("model without these edges", Figures.Fixed(without.CircuitMean));
        table.Add(options.Ablation == Ablation.Patching ? "corrupted" : $"ablated ({options.Ablation.Name()})", Figures.Fixed(result.CorruptedMean));
        table.Write(context);
        context.Output.WriteLine($"faithfulness {FaithfulnessText.Of(result)}");
        if (without is not null) context.Output.WriteLine($"necessity {(without.Undefined is { } reason ? $"not defined: {reason}" : $"{Figures.Fixed(without.Lost)}: the share of the difference that is lost when the circuit alone is ablated")}");
    }

    /// <summary>A circuit as results tell of it.</summary>
    private sealed record Chosen(int Edges, NeuronSet? Neurons, IReadOnlyList<string> Nodes)
    {
        public static Chosen Of(Circuit circuit)
        {
            var inside = circuit.NodesInCircuit();
            return new(circuit.EdgeCount, circuit.Neurons, [.. circuit.Graph.AllSources.Append(circuit.Graph.LogitsNode).Where(node => inside[node]).Select(circuit.Graph.NodeName)]);
        }

        public static Chosen Of(SpanCircuit circuit) => new(circuit.EdgeCount, null, [.. circuit.NodesInCircuit().Select(place => circuit.Graph.NodeName(place.Node, place.Span))]);
    }
}
