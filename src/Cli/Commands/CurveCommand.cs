using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Reports;

namespace Faith.Cli.Commands;

/// <summary>`faith curve`: faithfulness by the size of the circuit.</summary>
internal static class CurveCommand
{
    // By |score|, then by score: the benchmark measures both.
    private static readonly bool[] BothRankings = [false, true];

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var scores = OptionKinds.Required("--scores", "FILE", "scores, as written by faith attribute");
        var edges = SizesOption.Create("sizes, separated by commas; unless given those of the MIB benchmark, from 0.1% of the edges to all");
        var select = SelectionOptions.Select();
        var signed = SelectionOptions.Signed();
        var compat = CompatibilityOption.Create();
        var mib = new Option<bool>("--mib") { Description = "the benchmark's sizes and areas: CPR over circuits by score, CMD over circuits by its size" };
        var output = OptionKinds.Required("--out", "FILE", "the curve, as CSV");
        var svg = OptionKinds.Optional("--svg", "FILE", "the curve as a plot");
        var command = new FaithCommand("curve", "Measures the circuits of several sizes that one set of scores gives.",
            "faith curve --model tasks-4l --data ioi --scores scores.json --out curve.csv",
            "faith curve --model ./gpt2 --data ioi.csv --scores scores.json --edges 30,50,100,200,500 --select greedy --out curve.csv --svg curve.svg",
            "faith curve --model tasks-4l --data ioi --scores scores.json --mib --out curve.csv");
        run.AddTo(command);
        foreach (var option in (Option[])[scores, edges, select, signed, compat, mib, output, svg]) command.Add(option);
        command.Validators.Add(result =>
        {
            var isMib = result.GetResult(mib) is not null || result.GetResult(compat)?.Tokens is [{ Value: "mib" }];
            if (isMib && result.GetResult(edges) is not null) result.AddError("--mib has sizes of its own; leave --edges out");
            if (isMib && result.GetResult(signed) is not null) result.AddError("--mib ranks both ways; leave --signed out");
        });
        command.SetAction(parse =>
        {
            var path = parse.GetRequiredValue(output);
            var plotPath = parse.GetValue(svg);
            Outputs.Check(path, plotPath);
            using var model = run.LoadModel(parse);
            var scoresPath = parse.GetRequiredValue(scores);
            var values = CircuitFile.Read(scoresPath, model).Scores ?? throw new InputException($"{scoresPath}: the edges have no scores to select by");
            var mode = CompatibilityOption.Read(parse, compat);
            var (name, bySign) = CompatibilityOption.Selection(parse, mode, select, signed);
            var method = SelectionMethods.Named(name);
            var rankings = parse.GetValue(mib) || mode?.Fractions is not null ? BothRankings : [bySign];
            var isMib = rankings == BothRankings;
            var counts = isMib ? [.. CurveAreas.MibFractions.Select(f => CurveAreas.EdgesOf(model.Graph, f))]
                : parse.GetValue(edges) is { Length: > 0 } given ? given : Benchmark(model.Graph);
            if (counts[^1] > model.Graph.Edges) throw new InputException($"--edges {counts[^1]}: the graph of {scoresPath} has only {model.Graph.Edges}");
            var data = run.LoadData(parse, model);
            var circuits = rankings.SelectMany(ranking => counts.Select(count => method(values, count, ranking))).ToArray();
            var options = run.Evaluation(parse, model);
            var models = model.OnAll(run.Device(parse));
            var results = ProgressDisplay.Run(context, progress => CircuitEvaluator.Evaluate(models, data, circuits, options, progress, context.Cancellation));
            var points = circuits.Select((circuit, i) => new CurvePoint(counts[i % counts.Length], circuit, results[i], isMib ? RankingName(rankings[i / counts.Length]) : null)).ToArray();
            OutputFile.WriteText(path, CurvePoint.Csv(points));
            if (plotPath is not null) OutputFile.WriteText(plotPath, CurvePoint.Plot($"{model.Name} on {data.Name}, {options.Metric.Name()}", Path.GetFileName(scoresPath), points));
            Summarise(context, points, options.Metric);
            if (isMib) Areas(context, points, counts.Length);
        });
        return command;
    }

    /// <summary>The sizes of the MIB benchmark: fixed fractions of the graph.</summary>
    private static int[] Benchmark(ModelGraph graph) => [.. CurveAreas.MibFractions.Select(f => CurveAreas.EdgesOf(graph, f)).Where(n => n > 0).Distinct()];

    private static string RankingName(bool signed) => signed ? "score" : "size";

    private static void Summarise(CommandContext context, CurvePoint[] points, MetricKind metric)
    {
        var withRanking = points[0].Ranking is not null;
        var table = new TextTable([.. withRanking ? ["ranked by"] : Array.Empty<string>(), ">selected", ">edges", ">nodes", $">{metric.Name()}", ">faithfulness"]);
        foreach (var p in points)
        {
            table.Add([.. p.Ranking is { } ranking ? [ranking] : Array.Empty<string>(), $"{p.Selected}", $"{p.Circuit.EdgeCount}", $"{p.Nodes}",
                p.Result.CircuitMean.ToString("0.0000"), p.Result.Normalised.ToString("0.0000")]);
        }
        table.Write(context);
        context.Output.WriteLine($"clean {points[0].Result.CleanMean:0.0000}, corrupted {points[0].Result.CorruptedMean:0.0000}");
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
                table.Add(points[first].Ranking!, logarithmic ? "logarithmic" : "linear", areas.Cpr.ToString("0.0000"), areas.Cmd.ToString("0.0000"));
            }
        }
        table.Write(context);
        context.Output.WriteLine("the benchmark takes CPR from circuits ranked by score and CMD from those ranked by its size");
    }
}
