using System.CommandLine;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Statistics;

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
        var randoms = OptionKinds.Integer("--random", "random circuits with as many edges, to compare with; 0 for none", 100, 0, 10_000);
        var seed = OptionKinds.Integer("--seed", "equal seeds draw equal sets and circuits", 0, 0, int.MaxValue);
        var command = new FaithCommand("check-circuit", "Measures what the edges outside a circuit keep of the behaviour, what each edge of the circuit gives, its completeness and minimality, and what random circuits keep.",
            "faith check-circuit --model tasks-4l --data ioi --circuit circuit.json",
            "faith check-circuit --model ./gpt2 --data ioi.csv --circuit circuit.json --examples 50 --sets 0 --random 20 --json check.json");
        run.AddTo(command);
        foreach (var option in (Option[])[circuit, sets, randoms, seed, json]) command.Add(option);
        command.SetAction(parse =>
        {
            var path = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var circuitPath = parse.GetRequiredValue(circuit);
            var file = CircuitFile.ReadCircuit(circuitPath, model);
            var chosen = file.InGraph;
            if (chosen.EdgeCount == 0) throw new InputException($"{circuitPath}: has no edge in the graph; a circuit is needed");
            var loaded = run.Load(parse, model);
            var choice = run.Device(parse);
            var (data, options, models) = (loaded.Data, loaded.Evaluation(choice), model.OnAll(choice));
            var check = ProgressDisplay.Run(context, progress => CircuitCheck.Run(models, data, chosen, options, progress, context.Cancellation));
            var (drawn, count, draws) = (parse.GetValue(sets), parse.GetValue(randoms), (ulong)parse.GetValue(seed));
            // Where faithfulness is not defined, differences of it are not either.
            var knockouts = drawn == 0 || check.Faithfulness.Undefined is not null ? null
                : ProgressDisplay.Run(context, progress => KnockoutStudy.Run(models, data, chosen, options, drawn, draws, progress, context.Cancellation));
            var sufficiency = count == 0 || check.Faithfulness.Undefined is not null ? null
                : ProgressDisplay.Run(context, progress => SufficiencyTest.Run(models, data, chosen, check.Faithfulness.Normalised, options, count, draws, progress, context.Cancellation));
            if (path is not null)
            {
                JsonFile.Write(path, writer =>
                {
                    Members(writer, check, sufficiency);
                    if (knockouts is not null) Members(writer, knockouts, chosen.Graph);
                });
            }
            CircuitFile.NoteDoubts(context.Note, circuitPath, file, model);
            Summarise(context, check, sufficiency);
            DataSummary.Write(context, model, models.First, data, options.Metric, check.Faithfulness.Clean, check.Faithfulness.Corrupted);
            if (knockouts is not null) Summarise(context, knockouts, chosen.Graph);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, CircuitCheck check, SufficiencyTest? sufficiency)
    {
        json.WriteNumber("edges", check.Circuit.EdgeCount);
        json.WriteNumberOrNull("faithfulness", check.Faithfulness.Normalised);
        json.WriteNumberOrNull("complement_faithfulness", check.Complement.Normalised);
        json.WriteNumberOrNull("necessity", check.Complement.Lost);
        if (sufficiency is not null)
        {
            json.WriteStartObject("sufficiency");
            json.WriteNumber("percentile", sufficiency.Percentile);
            json.WriteNumber("p", sufficiency.P);
            json.WriteNumbersOrNull("random_faithfulness", sufficiency.Random);
            json.WriteEndObject();
        }
        json.WriteStartObject("contributions");
        foreach (var edge in check.Contributions) json.WriteNumberOrNull(check.Circuit.Graph.EdgeName(edge.Edge), edge.Contribution);
        json.WriteEndObject();
    }

    private static void Summarise(CommandContext context, CircuitCheck check, SufficiencyTest? sufficiency)
    {
        var (graph, output, contributions) = (check.Circuit.Graph, context.Output, check.Contributions);
        output.WriteLine(check.Faithfulness.Undefined is null ? $"faithfulness {Figures.Fixed(check.Faithfulness.Normalised)} of {check.Circuit.EdgeCount} edges" : $"faithfulness {FaithfulnessText.Of(check.Faithfulness)}");
        if (check.Faithfulness.Undefined is not null) return;
        output.WriteLine($"complement: {Figures.Fixed(check.Complement.Normalised)} of the other {graph.Edges - check.Circuit.EdgeCount} edges; 0 where they keep nothing");
        output.WriteLine($"necessity: {Figures.Fixed(check.Complement.Lost)} of the difference is lost when the circuit alone is ablated; 1 where all of it is");
        if (sufficiency is not null)
        {
            output.WriteLine($"sufficiency: {sufficiency.Random.Count} random circuits with as many edges keep {Figures.Fixed(sufficiency.Random.Average())} on average and {Figures.Fixed(sufficiency.Random.Max())} at most; "
                + $"percentile {Figures.Fixed(100 * sufficiency.Percentile, 1)}, p = {Figures.Short(sufficiency.P)} (one-sided, the circuit counted with them)");
        }
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
