using System.CommandLine;
using System.Globalization;
using System.Text;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Reports;

namespace Faith.Cli.Commands;

/// <summary>`faith curve`: faithfulness by the size of the circuit.</summary>
internal static class CurveCommand
{
    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var scores = OptionKinds.Required("--scores", "FILE", "scores, as written by faith attribute");
        var edges = EdgeCounts();
        var select = SelectionOptions.Select();
        var signed = SelectionOptions.Signed();
        var output = OptionKinds.Required("--out", "FILE", "the curve, as CSV");
        var svg = OptionKinds.Optional("--svg", "FILE", "the curve as a plot");
        var command = new FaithCommand("curve", "Measures the circuits of several sizes that one set of scores gives.",
            "faith curve --model tasks-4l --data ioi --scores scores.json --out curve.csv",
            "faith curve --model ./gpt2 --data ioi.csv --scores scores.json --edges 30,50,100,200,500 --select greedy --out curve.csv --svg curve.svg");
        run.AddTo(command);
        foreach (var option in (Option[])[scores, edges, select, signed, output, svg]) command.Add(option);
        command.SetAction(parse =>
        {
            var path = parse.GetRequiredValue(output);
            var plotPath = parse.GetValue(svg);
            Outputs.Check(path, plotPath);
            using var model = run.LoadModel(parse);
            var scoresPath = parse.GetRequiredValue(scores);
            var values = CircuitFile.Read(scoresPath, model).Scores ?? throw new InputException($"{scoresPath}: the edges have no scores to select by");
            var counts = parse.GetValue(edges) is { Length: > 0 } given ? given : Benchmark(model.Graph);
            if (counts[^1] > model.Graph.Edges) throw new InputException($"--edges {counts[^1]}: the graph of {scoresPath} has only {model.Graph.Edges}");
            var data = run.LoadData(parse, model);
            var method = SelectionMethods.Named(parse.GetRequiredValue(select));
            var circuits = counts.Select(count => method(values, count, parse.GetValue(signed))).ToArray();
            var options = run.Evaluation(parse, model);
            var transformer = model.On(run.Device(parse));
            var results = ProgressDisplay.Run(context, progress => CircuitEvaluator.Evaluate(transformer, data, circuits, options, progress, context.Cancellation));
            OutputFile.WriteText(path, Csv(counts, circuits, results));
            if (plotPath is not null) OutputFile.WriteText(plotPath, Plot($"{model.Name} on {data.Name}, {options.Metric.Name()}", Path.GetFileName(scoresPath), circuits, results));
            Summarise(context, counts, circuits, options.Metric, results);
        });
        return command;
    }

    /// <summary>The sizes of the MIB benchmark: fixed fractions of the graph.</summary>
    private static int[] Benchmark(ModelGraph graph) => [.. CurveAreas.MibFractions.Select(f => CurveAreas.EdgesOf(graph, f)).Where(n => n > 0).Distinct()];

    private static Option<int[]> EdgeCounts() => new("--edges")
    {
        Description = "sizes, separated by commas; unless given those of the MIB benchmark, from 0.1% of the edges to all",
        HelpName = "30,50,…",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            var counts = new SortedSet<int>();
            foreach (var part in result.Tokens[0].Value.Split(','))
            {
                if (int.TryParse(part.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)) counts.Add(count);
                else result.AddError($"--edges must be whole numbers separated by commas, not {result.Tokens[0].Value}");
            }
            return [.. counts];
        },
    };

    private static string Plot(string title, string name, Circuit[] circuits, IReadOnlyList<Faithfulness> results)
    {
        // Several sizes may be pruned to the same circuit: one point each.
        var points = circuits.Select((c, i) => (c.EdgeCount, results[i].Normalised)).DistinctBy(p => p.EdgeCount).OrderBy(p => p.EdgeCount).ToArray();
        return new CurvePlot
        {
            Title = title,
            Series = [new(name, [.. points.Select(p => (double)p.EdgeCount)], [.. points.Select(p => p.Normalised)])],
            Levels = [(1, "whole model"), (0, "corrupted run")],
        }.ToSvg();
    }

    private static string Csv(int[] counts, Circuit[] circuits, IReadOnlyList<Faithfulness> results)
    {
        var csv = new StringBuilder("selected,edges,nodes,circuit,clean,corrupted,faithfulness\n");
        for (var i = 0; i < counts.Length; i++)
        {
            var r = results[i];
            csv.Append(CultureInfo.InvariantCulture, $"{counts[i]},{circuits[i].EdgeCount},{circuits[i].NodesInCircuit().Count(inside => inside)},");
            csv.Append(CultureInfo.InvariantCulture, $"{r.CircuitMean:R},{r.CleanMean:R},{r.CorruptedMean:R},{(double.IsFinite(r.Normalised) ? r.Normalised.ToString("R", CultureInfo.InvariantCulture) : "")}\n");
        }
        return csv.ToString();
    }

    private static void Summarise(CommandContext context, int[] counts, Circuit[] circuits, MetricKind metric, IReadOnlyList<Faithfulness> results)
    {
        var table = new TextTable(">selected", ">edges", ">nodes", $">{metric.Name()}", ">faithfulness");
        for (var i = 0; i < counts.Length; i++)
        {
            table.Add($"{counts[i]}", $"{circuits[i].EdgeCount}", $"{circuits[i].NodesInCircuit().Count(inside => inside)}",
                results[i].CircuitMean.ToString("0.0000"), results[i].Normalised.ToString("0.0000"));
        }
        table.Write(context);
        context.Output.WriteLine($"clean {results[0].CleanMean:0.0000}, corrupted {results[0].CorruptedMean:0.0000}");
    }
}
