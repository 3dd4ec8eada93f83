using System.CommandLine;
using System.Globalization;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;

namespace Faith.Cli.Commands;

/// <summary>`faith circuit`: scores to a circuit.</summary>
internal static class CircuitCommand
{
    public static Command Create(CommandContext context)
    {
        var scores = OptionKinds.Required("--scores", "FILE", "scores, as written by faith attribute");
        var edges = OptionKinds.OptionalInteger("--edges", "how many edges to select; pruning may leave fewer", 0, int.MaxValue);
        var threshold = OptionKinds.OptionalNumber("--threshold", "X", "select every edge that scores X or more instead", _ => true, "a number");
        var select = SelectionOptions.Select();
        var signed = SelectionOptions.Signed();
        var compat = CompatibilityOption.Create();
        var output = OptionKinds.Required("--out", "FILE", "the circuit, as JSON");
        var command = new FaithCommand("circuit", "Selects the edges of a circuit by their scores and prunes what leads nowhere.",
            "faith circuit --scores scores.json --edges 200 --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --select greedy --signed --out circuit.json",
            "faith circuit --scores scores.json --threshold 0.01 --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --compat paper --out circuit.json")
        { scores, edges, threshold, select, signed, compat, output };
        command.Validators.Add(result =>
        {
            if ((result.GetResult(edges) is null) == (result.GetResult(threshold) is null)) result.AddError("give either --edges N or --threshold X");
            if (result.GetResult(threshold) is not null && result.GetResult(select) is { Implicit: false }) result.AddError("--select needs --edges; a threshold selects by score alone");
            if (result.GetResult(threshold) is not null && result.GetResult(compat) is not null) result.AddError("--compat needs --edges; a threshold selects by score alone");
        });
        command.SetAction(parse =>
        {
            var (how, bySign) = CompatibilityOption.Selection(parse, CompatibilityOption.Read(parse, compat), select, signed);
            Run(context, parse.GetRequiredValue(scores), parse.GetRequiredValue(output), parse.GetValue(edges), parse.GetValue(threshold), how, bySign);
        });
        return command;
    }

    private static void Run(CommandContext context, string scoresPath, string outputPath, int? edges, double? threshold, string select, bool signed)
    {
        Outputs.Check(outputPath);
        var file = ScoreFile.Read(scoresPath);
        var scores = file.Scores ?? throw new InputException($"{scoresPath}: the edges have no scores to select by");
        if (edges > scores.Graph.Edges) throw new InputException($"--edges {edges}: the graph of {scoresPath} has only {scores.Graph.Edges}");
        var circuit = threshold is { } least ? CircuitSelection.Threshold(scores, least, signed) : SelectionMethods.Named(select)(scores, edges!.Value, signed);
        Write(file, circuit, outputPath, threshold is null
            ? new() { ["edges"] = edges!.Value.ToString(CultureInfo.InvariantCulture), ["select"] = select, ["signed"] = signed ? "true" : "false" }
            : new() { ["threshold"] = threshold.Value.ToString("R", CultureInfo.InvariantCulture), ["signed"] = signed ? "true" : "false" });
        var nodes = circuit.NodesInCircuit().Count(inside => inside);
        context.Output.WriteLine($"{outputPath}: {circuit.EdgeCount} of {scores.Graph.Edges} edges, {nodes} of {scores.Graph.Nodes} nodes");
    }

    private static void Write(ScoreFile scores, Circuit circuit, string path, SortedDictionary<string, string> selection)
    {
        var run = scores.Run ?? new RunRecord();
        var options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal);
        foreach (var (name, value) in selection) options[name] = value;
        new ScoreFile { Graph = scores.Graph, DModel = scores.DModel, Scores = scores.Scores, InGraph = circuit, Nodes = scores.Nodes, Run = run with { Options = options } }.Write(path);
    }
}
