using System.CommandLine;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;

namespace Faith.Cli.Commands;

/// <summary>`faith check-circuit`: what a circuit leaves outside, whether it needs each of its edges, and whether it takes knock-outs as the model does.</summary>
internal static class CheckCircuitCommand
{
    private const int Shown = 10;

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var circuit = new PathOption("--circuit", PathRole.Input, "the circuit, as written by faith circuit", required: true);
        var json = new PathOption("--json", PathRole.Output, "the contribution of every edge");
        var sets = OptionKinds.Integer("--sets", "sets of nodes drawn to be knocked out of circuit and model; 0 for none, nor a greedy one", 10, 0, 10_000);
        var seed = OptionKinds.Integer("--seed", "equal seeds draw equal sets", 0, 0, int.MaxValue);
        var command = new FaithCommand("check-circuit", "Measures what the edges outside a circuit keep of the behaviour, what each edge of the circuit gives, and its completeness and minimality.",
            "faith check-circuit --model tasks-4l --data ioi --circuit circuit.json",
            "faith check-circuit --model ./gpt2 --data ioi.csv --circuit circuit.json --examples 50 --sets 0 --json check.json");
        run.AddTo(command);
        foreach (var option in (Option[])[circuit, sets, seed, json]) command.Add(option);
        command.SetAction(parse =>
        {
            var path = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var circuitPath = parse.GetRequiredValue(circuit);
            var file = CircuitFile.ReadCircuit(circuitPath, model);
            var chosen = file.InGraph;
            if (chosen.EdgeCount == 0) throw new InputException($"{circuitPath}: has no edge in the graph; a circuit is needed");
            var data = run.LoadData(parse, model);
            var options = run.Evaluation(parse, model);
            var models = model.OnAll(run.Device(parse));
            var check = ProgressDisplay.Run(context, progress => CircuitCheck.Run(models, data, chosen, options, progress, context.Cancellation));
            var drawn = parse.GetValue(sets);
            // Where faithfulness is not defined, differences of it are not either.
            var knockouts = drawn == 0 || check.Faithfulness.Undefined is not null ? null
                : ProgressDisplay.Run(context, progress => KnockoutStudy.Run(models, data, chosen, options, drawn, (ulong)parse.GetValue(seed), progress, context.Cancellation));
            if (path is not null)
            {
                JsonFile.Write(path, writer =>
                {
                    Members(writer, check);
                    if (knockouts is not null) Members(writer, knockouts, chosen.Graph);
                });
            }
            CircuitFile.NoteDoubts(context.Note, circuitPath, file, model);
            Summarise(context, check);
            DataSummary.Write(context, model, models.First, data, options.Metric, check.Faithfulness.Clean, check.Faithfulness.Corrupted);
            if (knockouts is not null) Summarise(context, knockouts, chosen.Graph);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, CircuitCheck check)
    {
        json.WriteNumber("edges", check.Circuit.EdgeCount);
        json.WriteNumberOrNull("faithfulness", check.Faithfulness.Normalised);
        json.WriteNumberOrNull("complement_faithfulness", check.Complement.Normalised);
        json.WriteStartObject("contributions");
        foreach (var edge in check.Contributions) json.WriteNumberOrNull(check.Circuit.Graph.EdgeName(edge.Edge), edge.Contribution);
        json.WriteEndObject();
    }

    private static void Summarise(CommandContext context, CircuitCheck check)
    {
        var (graph, output, contributions) = (check.Circuit.Graph, context.Output, check.Contributions);
        output.WriteLine(check.Faithfulness.Undefined is null ? $"faithfulness {Figures.Fixed(check.Faithfulness.Normalised)} of {check.Circuit.EdgeCount} edges" : $"faithfulness {FaithfulnessText.Of(check.Faithfulness)}");
        if (check.Faithfulness.Undefined is not null) return;
        output.WriteLine($"complement: {Figures.Fixed(check.Complement.Normalised)} of the other {graph.Edges - check.Circuit.EdgeCount} edges; 0 where they keep nothing");
        output.WriteLine($"contributions: {contributions.Count(c => c.Contribution <= 0)} edges give nothing or harm, {contributions.Count(c => Math.Abs(c.Contribution) < 0.001)} change faithfulness by less than 0.001");
        var table = new TextTable("edge", ">contribution");
        foreach (var edge in contributions.Reverse().Take(Shown)) table.Add(graph.EdgeName(edge.Edge), Figures.Fixed(edge.Contribution));
        if (contributions.Count > 2 * Shown) table.Add("…", "");
        foreach (var edge in contributions.Take(Math.Min(Shown, Math.Max(0, contributions.Count - Shown))).Reverse()) table.Add(graph.EdgeName(edge.Edge), Figures.Fixed(edge.Contribution));
        table.Write(context);
    }

    private static void Members(Utf8JsonWriter json, KnockoutStudy study, ModelGraph graph)
    {
        json.WriteStartArray("knockouts");
        foreach (var set in study.Sets) Knockout(set);
        json.WriteEndArray();
        if (study.Greedy is { } greedy)
        {
            json.WritePropertyName("greedy_knockout");
            Knockout(greedy);
        }
        json.WriteStartObject("node_minimality");
        foreach (var need in study.Needs) json.WriteNumberOrNull(graph.NodeName(need.Node), need.Difference);
        json.WriteEndObject();

        void Knockout(Knockout set)
        {
            json.WriteStartObject();
            json.WriteStartArray("nodes");
            foreach (var node in set.Nodes) json.WriteStringValue(graph.NodeName(node));
            json.WriteEndArray();
            json.WriteNumberOrNull("circuit", set.Circuit);
            json.WriteNumberOrNull("model", set.Model);
            json.WriteEndObject();
        }
    }

    private static void Summarise(CommandContext context, KnockoutStudy study, ModelGraph graph)
    {
        if (study.Greedy is not { } greedy) return;
        string Names(IEnumerable<NodeId> nodes) => string.Join(' ', nodes.Select(graph.NodeName));
        context.Output.WriteLine($"completeness: without K, circuit and model differ by {Figures.Fixed(study.Sets.Average(k => k.Difference))} on average and {Figures.Fixed(study.Sets.Max(k => k.Difference))} at most, of {study.Sets.Count} sets drawn; "
            + $"by {Figures.Fixed(greedy.Difference)} ({Figures.Fixed(greedy.Circuit)} and {Figures.Fixed(greedy.Model)}) for the greedy set {Names(greedy.Nodes)}");
        var least = study.Needs[0];
        context.Output.WriteLine($"minimality: {graph.NodeName(least.Node)} makes the least difference, {Figures.Fixed(least.Difference)} at most; "
            + $"{study.Needs.Count(need => need.Difference < 0.01)} of {study.Needs.Count} heads and MLPs less than 0.01");
    }
}
