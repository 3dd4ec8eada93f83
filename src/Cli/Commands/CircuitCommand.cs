using System.CommandLine;
using System.Globalization;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith circuit`: scores to a circuit.</summary>
internal static class CircuitCommand
{
    public static Command Create(CommandContext context)
    {
        var scores = new PathOption("--scores", PathRole.Input, "scores, as written by faith attribute");
        var from = new PathOption("--from", PathRole.Input, "a list of edges instead, one name a line: a9.h9->logits, m*->logits, a9.*->a10.h7<q>; # begins a comment");
        var model = new PathOption("--model", PathRole.Model, "with --from: the model whose edges they are");
        var edges = OptionKinds.OptionalInteger("--edges", "how many edges to select; pruning may leave fewer", 0, int.MaxValue);
        var nodes = OptionKinds.OptionalInteger("--nodes", "how many heads and MLPs to select instead, with every edge between them; needs scores of --level node or neuron", 0, int.MaxValue);
        var neurons = OptionKinds.OptionalInteger("--neurons", "how many neurons of nodes' outputs to select instead, with every edge between their nodes; needs scores of --level neuron", 0, int.MaxValue);
        var threshold = OptionKinds.OptionalNumber("--threshold", "X", "select every edge (or what --level says) that scores X or more instead", _ => true, "a number");
        var level = new LevelOption(edges, nodes, neurons);
        var selection = new SelectionOptions(SelectionMethods.Names, ofFile: true);
        var compat = CompatibilityOption.Create();
        var output = new PathOption("--out", PathRole.Output, "the circuit, as JSON", required: true);
        var command = new FaithCommand("circuit", "Selects the edges of a circuit by their scores and prunes what leads nowhere.",
            "faith circuit --scores scores.json --edges 200 --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --select greedy --signed --out circuit.json",
            "faith circuit --scores scores.json --threshold 0.01 --out circuit.json",
            "faith circuit --scores nodes.json --nodes 12 --out circuit.json",
            "faith circuit --scores neurons.json --neurons 500 --out circuit.json",
            "faith circuit --scores neurons.json --level neuron --threshold 0.001 --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --compat paper --out circuit.json",
            "faith circuit --scores scores.json --edges 200 --select ratio --negative 0.3 --out circuit.json",
            "faith circuit --from edges.txt --model ./gpt2 --out circuit.json")
        { scores, edges, nodes, neurons, threshold, compat, output, from, model };
        selection.AddTo(command);
        level.AddTo(command);
        command.Validators.Add(result =>
        {
            var given = new[] { result.GetResult(edges), result.GetResult(nodes), result.GetResult(neurons), result.GetResult(threshold) }.Count(option => option is not null);
            if ((result.GetResult(scores) is null) == (result.GetResult(from) is null)) result.AddError("give either --scores FILE or --from FILE");
            if ((result.GetResult(from) is null) != (result.GetResult(model) is null)) result.AddError("--from and --model go together: a list of edges does not say of what model they are");
            if (result.GetResult(from) is not null)
            {
                if (((Option[])[edges, nodes, neurons, threshold, .. selection.All, compat]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } other) result.AddError($"--from takes every edge of the list; leave {other.Name} out");
                return;
            }
            if (given != 1) result.AddError("give one of --edges N, --nodes N, --neurons N and --threshold X");
            if (result.GetResult(edges) is null && result.GetResult(selection.Select) is { Implicit: false }) result.AddError("--select needs --edges; nodes, neurons and thresholds select by score alone");
            if (result.GetResult(edges) is null && result.GetResult(compat) is not null) result.AddError("--compat needs --edges; nodes, neurons and thresholds select by score alone");
        });
        command.SetAction(parse =>
        {
            if (parse.GetValue(from) is { } list)
            {
                FromList(context, list, parse.GetRequiredValue(model), parse.GetRequiredValue(output));
                return;
            }
            var (scoresPath, outputPath) = (parse.GetRequiredValue(scores), parse.GetRequiredValue(output));
            if (SpanScoreFile.TryRead(scoresPath) is { } bySpan)
            {
                var how = parse.GetRequiredValue(selection.Select);
                SpanSelectionOptions.Check(parse, scoresPath, how, level.Read(parse.CommandResult), [neurons, compat, .. selection.Settings]);
                SpanSelectionOptions.Select(context, bySpan, scoresPath, outputPath, level.Read(parse.CommandResult), how, parse.GetValue(selection.Signed), parse.GetValue(edges) ?? parse.GetValue(nodes), parse.GetValue(threshold));
                return;
            }
            var file = ScoreFile.Read(scoresPath);
            var graph = file.Graph;
            var (chosen, bySign) = selection.Read(parse, CompatibilityOption.Read(parse, compat), graph, scoresPath);
            var selected = level.Read(parse.CommandResult);
            var values = LevelScores.Of(file, scoresPath, selected, chosen);
            var settings = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["signed"] = bySign ? "true" : "false" };
            if (selected != ScoreLevel.Edge) settings["select_level"] = selected.Name();
            Circuit circuit;
            if (parse.GetValue(threshold) is { } least)
            {
                circuit = values.Threshold(least, bySign);
                settings["threshold"] = Figures.Exact(least);
            }
            else
            {
                var (option, what) = selected switch { ScoreLevel.Edge => (edges, ""), ScoreLevel.Node => (nodes, " heads and MLPs"), _ => (neurons, " neurons") };
                var count = parse.GetValue(option)!.Value;
                if (count > values.Most) throw new InputException($"{option.Name} {count}: the graph of {scoresPath} has only {values.Most}{what}");
                circuit = values.Top(count, bySign);
                settings[option.Name.TrimStart('-')] = count.ToString(CultureInfo.InvariantCulture);
                if (selected == ScoreLevel.Edge) settings["select"] = chosen.Name;
                if (selection.Intervals(parse) is { } intervals) settings["intervals"] = Path.GetFileName(intervals);
                if (chosen.Certain?.Count < count) context.Note($"the sign of {chosen.Certain.Count} edges is certain, fewer than the {count} that were asked for; faith stability with larger --edges may find more");
                if (selected == ScoreLevel.Edge && chosen.Name == SelectionMethods.RatioName) settings["negative"] = Figures.Exact(chosen.Negative);
            }
            Write(file, circuit, outputPath, settings);
            CircuitFile.NoteDoubts(context.Note, scoresPath, file);
            context.Output.WriteLine($"{outputPath}: {circuit.EdgeCount} of {graph.Edges} edges, {circuit.NodesInCircuit().Count(inside => inside)} of {graph.Nodes} nodes"
                + (circuit.Neurons is { } kept ? $", {kept.Count} of {kept.Most} neurons" : ""));
        });
        return command;
    }

    // Edges of the list score 1 and the others 0, so that the circuit can be ranked beside others.
    private static void FromList(CommandContext context, string list, string name, string path)
    {
        using var model = LoadedModel.Load(name);
        var circuit = EdgeList.Read(list, model.Graph);
        if (circuit.EdgeCount == 0) throw new InputException($"{list}: names no edge");
        var values = new double[model.Graph.Pairs];
        foreach (var edge in circuit.Edges) values[edge] = 1;
        var options = new SortedDictionary<string, string>(StringComparer.Ordinal) { ["from"] = Path.GetFileName(list) };
        new ScoreFile
        {
            Graph = model.Graph, DModel = model.Config.Width, Scores = new EdgeScores(model.Graph, values), InGraph = circuit,
            Run = new RunRecord { Version = ProgramVersion.Text, Model = model.Name, ModelHash = model.Hash, Options = options },
        }.Write(path);
        context.Output.WriteLine($"{path}: {circuit.EdgeCount} of {model.Graph.Edges} edges, {circuit.NodesInCircuit().Count(inside => inside)} of {model.Graph.Nodes} nodes");
        if (circuit.EdgeCount - Pruning.Prune(circuit).EdgeCount is > 0 and var idle) context.Note($"{idle} of these edges lead nowhere: they have no way from input or none to logits within the list");
    }

    private static void Write(ScoreFile scores, Circuit circuit, string path, SortedDictionary<string, string> selection)
    {
        var run = scores.Run ?? new RunRecord();
        var options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal);
        foreach (var (name, value) in selection) options[name] = value;
        new ScoreFile { Graph = scores.Graph, DModel = scores.DModel, Scores = scores.Scores, InGraph = circuit, Nodes = scores.Nodes, Run = run with { Options = options } }.Write(path);
    }
}
