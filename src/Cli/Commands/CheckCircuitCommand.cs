using System.CommandLine;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Circuits;

namespace Faith.Cli.Commands;

/// <summary>`faith check-circuit`: what a circuit leaves outside, and whether it needs each of its edges.</summary>
internal static class CheckCircuitCommand
{
    private const int Shown = 10;

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var circuit = OptionKinds.Required("--circuit", "FILE", "the circuit, as written by faith circuit");
        var json = OptionKinds.Optional("--json", "FILE", "the contribution of every edge");
        var command = new FaithCommand("check-circuit", "Measures what the edges outside a circuit keep of the behaviour, and what each edge of the circuit gives.",
            "faith check-circuit --model tasks-4l --data ioi --circuit circuit.json",
            "faith check-circuit --model ./gpt2 --data ioi.csv --circuit circuit.json --examples 50 --json check.json");
        run.AddTo(command);
        command.Add(circuit);
        command.Add(json);
        command.SetAction(parse =>
        {
            var path = parse.GetValue(json);
            Outputs.Check(path);
            using var model = run.LoadModel(parse);
            var circuitPath = parse.GetRequiredValue(circuit);
            var chosen = CircuitFile.Read(circuitPath, model).InGraph;
            if (chosen.EdgeCount == 0) throw new InputException($"{circuitPath}: has no edge in the graph; a circuit is needed");
            var data = run.LoadData(parse, model);
            var options = run.Evaluation(parse, model);
            var models = model.OnAll(run.Device(parse));
            var check = ProgressDisplay.Run(context, progress => CircuitCheck.Run(models, data, chosen, options, progress, context.Cancellation));
            if (path is not null) JsonFile.Write(path, writer => Members(writer, check));
            Summarise(context, check);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, CircuitCheck check)
    {
        json.WriteNumber("edges", check.Circuit.EdgeCount);
        json.WriteNumberOrNull("faithfulness", check.Faithfulness.Normalised);
        json.WriteNumberOrNull("complement_faithfulness", check.Complement.Normalised);
        json.WriteStartObject("contributions");
        foreach (var edge in check.Contributions) json.WriteNumberOrNull(check.Circuit.Graph.EdgeName(edge.Source, edge.Column), edge.Contribution);
        json.WriteEndObject();
    }

    private static void Summarise(CommandContext context, CircuitCheck check)
    {
        var (graph, output, contributions) = (check.Circuit.Graph, context.Output, check.Contributions);
        output.WriteLine($"faithfulness {check.Faithfulness.Normalised:0.0000} of {check.Circuit.EdgeCount} edges");
        output.WriteLine($"complement: {check.Complement.Normalised:0.0000} of the other {graph.Edges - check.Circuit.EdgeCount} edges; 0 where they keep nothing");
        output.WriteLine($"contributions: {contributions.Count(c => c.Contribution <= 0)} edges give nothing or harm, {contributions.Count(c => Math.Abs(c.Contribution) < 0.001)} change faithfulness by less than 0.001");
        var table = new TextTable("edge", ">contribution");
        foreach (var edge in contributions.Reverse().Take(Shown)) table.Add(graph.EdgeName(edge.Source, edge.Column), edge.Contribution.ToString("0.0000"));
        if (contributions.Count > 2 * Shown) table.Add("…", "");
        foreach (var edge in contributions.Take(Math.Min(Shown, Math.Max(0, contributions.Count - Shown))).Reverse()) table.Add(graph.EdgeName(edge.Source, edge.Column), edge.Contribution.ToString("0.0000"));
        table.Write(context);
    }
}
