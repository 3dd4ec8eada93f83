using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Reports;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith curve`: faithfulness by the size of the circuit.</summary>
internal static class CurveCommand
{
    // By |score|, then by score: the benchmark measures both.
    private static readonly bool[] BothRankings = [false, true];

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var scores = new PathOption("--scores", PathRole.Input, "scores, as written by faith attribute", required: true);
        var edges = SizesOption.Create("--edges", "numbers of edges, separated by commas; unless given those of the MIB benchmark, from 0.1% of the edges to all");
        var nodes = SizesOption.Create("--nodes", "numbers of heads and MLPs instead, with every edge between them; needs scores of --level node or neuron");
        var neurons = SizesOption.Create("--neurons", "numbers of neurons instead, with every edge between their nodes; needs scores of --level neuron");
        var level = new LevelOption(edges, nodes, neurons);
        var selection = new SelectionOptions(SelectionMethods.Names, ofFile: true);
        var compat = CompatibilityOption.Create();
        var mib = new Option<bool>("--mib") { Description = "the benchmark's sizes and areas: CPR over circuits by score, CMD over circuits by its size" };
        var output = new PathOption("--out", PathRole.Output, "the curve, as CSV", required: true);
        var plot = new PlotOption("the curve as a plot");
        var command = new FaithCommand("curve", "Measures the circuits of several sizes that one set of scores gives.",
            "faith curve --model tasks-4l --data ioi --scores scores.json --out curve.csv",
            "faith curve --model ./gpt2 --data ioi.csv --scores scores.json --edges 30,50,100,200,500 --select greedy --out curve.csv --plot curve.svg",
            "faith curve --model tasks-4l --data ioi --scores scores.json --select stable --intervals stability.json --out curve.csv",
            "faith curve --model tasks-4l --data ioi --scores scores.json --mib --out curve.csv",
            "faith curve --model tasks-4l --data ioi --scores neurons.json --level neuron --out curve.csv");
        run.AddTo(command);
        foreach (var option in (Option[])[scores, edges, nodes, neurons, .. selection.All, compat, mib, output, plot]) command.Add(option);
        level.AddTo(command);
        command.Validators.Add(result =>
        {
            var isMib = result.GetResult(mib) is not null || CompatibilityOption.Given(result, compat) == "mib";
            var sizes = ((Option[])[edges, nodes, neurons]).Where(option => result.GetResult(option) is not null).ToArray();
            if (isMib && sizes.Length > 0) result.AddError($"--mib has sizes of its own; leave {sizes[0].Name} out");
            if (sizes.Length > 1) result.AddError($"give {sizes[0].Name} or {sizes[1].Name}, not both");
            var ofEdges = level.Read(result) == ScoreLevel.Edge;
            if (!ofEdges && result.GetResult(selection.Select) is { Implicit: false }) result.AddError("--select is of edges; nodes and neurons are selected by score alone");
            if (!ofEdges && !isMib && result.GetResult(compat) is not null) result.AddError("--compat selects edges, but for --compat mib");
            if (isMib && result.GetResult(selection.Signed) is not null) result.AddError("--mib ranks both ways; leave --signed out");
        });
        command.SetAction(parse =>
        {
            using var model = run.LoadModel(parse);
            var scoresPath = parse.GetRequiredValue(scores);
            if (CircuitFile.TryReadSpans(scoresPath, model) is { } bySpan)
            {
                var how = parse.GetRequiredValue(selection.Select);
                SpanSelectionOptions.Check(parse, scoresPath, how, level.Read(parse.CommandResult), [neurons, compat, mib, .. selection.Settings]);
                OfSpans(parse, model, bySpan, how, parse.GetValue(selection.Signed));
                return;
            }
            var file = CircuitFile.Read(scoresPath, model);
            var mode = CompatibilityOption.Read(parse, compat);
            var (chosen, bySign) = selection.Read(parse, mode, file.Graph, scoresPath);
            var selected = level.Read(parse.CommandResult);
            var values = LevelScores.Of(file, scoresPath, selected, chosen);
            var rankings = parse.GetValue(mib) || mode?.Fractions is not null ? BothRankings : [bySign];
            var isMib = rankings == BothRankings;
            var sizes = selected switch { ScoreLevel.Edge => edges, ScoreLevel.Node => nodes, _ => neurons };
            var counts = isMib ? [.. CurveAreas.MibFractions.Select(f => CurveAreas.CountOf(values.Most, f))]
                : parse.GetValue(sizes) is { Length: > 0 } given ? given : Benchmark(values.Most);
            if (counts[^1] > values.Most) throw new InputException($"{sizes.Name} {counts[^1]}: the graph of {scoresPath} has only {values.Most}");
            var loaded = run.Load(parse, model);
            var circuits = rankings.SelectMany(ranking => counts.Select(count => values.Top(count, ranking))).ToArray();
            var choice = run.Device(parse);
            var results = ProgressDisplay.Run(context, progress => loaded.Evaluate(circuits, choice, progress, context.Cancellation));
            var points = circuits.Select((circuit, i) => new CurvePoint(counts[i % counts.Length], circuit, results[i], isMib ? RankingName(rankings[i / counts.Length]) : null)).ToArray();
            Write(parse, loaded, choice, points, () => CircuitFile.NoteDoubts(context.Note, scoresPath, file, model));
            if (isMib) Areas(context, points, counts.Length);
        });
        return command;

        void OfSpans(ParseResult parse, LoadedModel model, SpanScoreFile file, string how, bool bySign)
        {
            var selected = level.Read(parse.CommandResult);
            var (ofSpans, sizes) = (SpanLevelScores.Of(file, parse.GetRequiredValue(scores), selected, how), selected == ScoreLevel.Edge ? edges : nodes);
            var counts = parse.GetValue(sizes) is { Length: > 0 } given ? given : Benchmark(ofSpans.Most);
            if (counts[^1] > ofSpans.Most) throw new InputException($"{sizes.Name} {counts[^1]}: the graph of {parse.GetRequiredValue(scores)} has only {ofSpans.Most}");
            var loaded = run.Load(parse, model, PositionKinds.Of(file.Graph.Spans));
            var circuits = counts.Select(count => ofSpans.Top(count, bySign)).ToArray();
            var choice = run.Device(parse);
            var results = ProgressDisplay.Run(context, progress => loaded.Evaluate(circuits, choice, progress, context.Cancellation));
            Write(parse, loaded, choice, [.. circuits.Select((circuit, i) => new CurvePoint(counts[i], circuit, results[i]))], () => CircuitFile.NoteDoubts(context.Note, parse.GetRequiredValue(scores), file, model));
        }

        void Write(ParseResult parse, LoadedRun loaded, DeviceChoice choice, CurvePoint[] points, Action noteDoubts)
        {
            var (model, data, metric) = (loaded.Model, loaded.Data, loaded.Specification.Scoring.Metric);
            var (plotPath, scoresPath) = (parse.GetValue(plot), parse.GetRequiredValue(scores));
            Output[] picture = plotPath is null ? [] : [PictureFile.ToOutput(plotPath, CurveFiles.Plot($"{model.Name} on {data.Name}, {metric.Name()}", Path.GetFileName(scoresPath), points))];
            OutputFile.WriteTogether([Output.Text(parse.GetRequiredValue(output), CurveFiles.Csv(points)), .. picture]);
            noteDoubts();
            Summarise(context, points, metric);
            DataSummary.Write(context, model, model.On(choice), data, metric, points[0].Result.Clean, points[0].Result.Corrupted);
        }
    }

    /// <summary>The sizes of the MIB benchmark: fixed fractions of what there is to select from.</summary>
    private static int[] Benchmark(int most) => [.. CurveAreas.MibFractions.Select(f => CurveAreas.CountOf(most, f)).Where(n => n > 0).Distinct()];

    private static string RankingName(bool signed) => signed ? "score" : "size";

    private static void Summarise(CommandContext context, CurvePoint[] points, MetricKind metric)
    {
        var withRanking = points[0].Ranking is not null;
        var table = new TextTable([.. withRanking ? ["ranked by"] : Array.Empty<string>(), ">selected", ">edges", ">nodes", $">{metric.Name()}", ">faithfulness"]);
        foreach (var p in points)
        {
            table.Add([.. p.Ranking is { } ranking ? [ranking] : Array.Empty<string>(), $"{p.Selected}", $"{p.Edges}", $"{p.Nodes}",
                Figures.Fixed(p.Result.CircuitMean), Figures.Fixed(p.Result.Normalised)]);
        }
        table.Write(context);
        context.Output.WriteLine($"clean {Figures.Fixed(points[0].Result.CleanMean)}, corrupted {Figures.Fixed(points[0].Result.CorruptedMean)}{FaithfulnessText.IfUndefined(points[0].Result)}");
    }

    private static void Areas(CommandContext context, CurvePoint[] points, int sizes)
    {
        var table = new TextTable("ranked by", "axis", ">CPR", ">CMD");
        for (var first = 0; first < points.Length; first += sizes)
        {
            var faithfulness = points.Skip(first).Take(sizes).Select(p => p.Result.Normalised).ToArray();
            foreach (var logarithmic in (bool[])[false, true])
            {
                var areas = CurveAreas.Under(CurveAreas.MibFractions, faithfulness, logarithmic);
                table.Add(points[first].Ranking!, logarithmic ? "logarithmic" : "linear", Figures.Fixed(areas.Cpr), Figures.Fixed(areas.Cmd));
            }
        }
        table.Write(context);
        context.Output.WriteLine("the benchmark takes CPR from circuits ranked by score and CMD from those ranked by its size");
    }
}
