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
        var nodes = OptionKinds.OptionalInteger("--nodes", "how many heads and MLPs to select instead, with every edge between them; needs scores of --level node or neuron", 0, int.MaxValue);
        var threshold = OptionKinds.OptionalNumber("--threshold", "X", "select every edge that scores X or more instead", _ => true, "a number");
        var select = SelectionOptions.Select();
        var signed = SelectionOptions.Signed();
        var compat = CompatibilityOption.Create();
        var output = OptionKinds.Required("--out", "FILE", "the circuit, as JSON");
        var command = new FaithCommand("circuit", "Selects the edges of a circuit by their scores and prunes what leads nowhere.",
            "faith circuit --scores scores.json --edges 200 --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --select greedy --signed --out circuit.json",
            "faith circuit --scores scores.json --threshold 0.01 --out circuit.json",
            "faith circuit --scores nodes.json --nodes 12 --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --compat paper --out circuit.json")
        { scores, edges, nodes, threshold, select, signed, compat, output };
        command.Validators.Add(result =>
        {
            var given = new[] { result.GetResult(edges), result.GetResult(nodes), result.GetResult(threshold) }.Count(option => option is not null);
            if (given != 1) result.AddError("give one of --edges N, --nodes N and --threshold X");
            if (result.GetResult(edges) is null && result.GetResult(select) is { Implicit: false }) result.AddError("--select needs --edges; nodes and thresholds select by score alone");
            if (result.GetResult(edges) is null && result.GetResult(compat) is not null) result.AddError("--compat needs --edges; nodes and thresholds select by score alone");
        });
        command.SetAction(parse =>
        {
            var (scoresPath, outputPath) = (parse.GetRequiredValue(scores), parse.GetRequiredValue(output));
            var (ranking, bySign) = CompatibilityOption.Selection(parse, CompatibilityOption.Read(parse, compat), select, signed);
            Outputs.Check(outputPath);
            var file = ScoreFile.Read(scoresPath);
            var graph = file.Graph;
            var settings = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["signed"] = bySign ? "true" : "false" };
            Circuit circuit;
            if (parse.GetValue(nodes) is { } nodeCount)
            {
                if (nodeCount >= graph.Sources) throw new InputException($"--nodes {nodeCount}: the graph of {scoresPath} has only {graph.Sources - 1} heads and MLPs");
                circuit = CircuitSelection.TopNodes(graph, NodeScores(file, scoresPath), nodeCount, bySign);
                settings["nodes"] = nodeCount.ToString(CultureInfo.InvariantCulture);
            }
            else if (parse.GetValue(threshold) is { } least)
            {
                circuit = CircuitSelection.Threshold(EdgeScores(file, scoresPath), least, bySign);
                settings["threshold"] = least.ToString("R", CultureInfo.InvariantCulture);
            }
            else
            {
                var count = parse.GetValue(edges)!.Value;
                var edgeScores = EdgeScores(file, scoresPath);
                if (count > graph.Edges) throw new InputException($"--edges {count}: the graph of {scoresPath} has only {graph.Edges}");
                circuit = SelectionMethods.Named(ranking)(edgeScores, count, bySign);
                (settings["edges"], settings["select"]) = (count.ToString(CultureInfo.InvariantCulture), ranking);
            }
            Write(file, circuit, outputPath, settings);
            context.Output.WriteLine($"{outputPath}: {circuit.EdgeCount} of {graph.Edges} edges, {circuit.NodesInCircuit().Count(inside => inside)} of {graph.Nodes} nodes");
        });
        return command;
    }

    private static EdgeScores EdgeScores(ScoreFile file, string path) => file.Scores ?? throw new InputException($"{path}: the edges have no scores to select by");

    private static double[] NodeScores(ScoreFile file, string path)
    {
        var scores = file.Nodes?.Take(file.Graph.Sources).Select(node => node.Score).ToArray();
        if (scores is null || scores.Contains(null)) throw new InputException($"{path}: the nodes have no scores to select by; faith attribute --level node gives them");
        return [.. scores.Select(score => score!.Value)];
    }

    private static void Write(ScoreFile scores, Circuit circuit, string path, SortedDictionary<string, string> selection)
    {
        var run = scores.Run ?? new RunRecord();
        var options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal);
        foreach (var (name, value) in selection) options[name] = value;
        new ScoreFile { Graph = scores.Graph, DModel = scores.DModel, Scores = scores.Scores, InGraph = circuit, Nodes = scores.Nodes, Run = run with { Options = options } }.Write(path);
    }
}
