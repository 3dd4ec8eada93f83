using System.CommandLine;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Mib;

namespace Faith.Cli.Commands;

/// <summary>`faith mib evaluate`: CPR, CMD and what belongs beside them, of a cell's scores.</summary>
internal static class MibEvaluateCommand
{
    // By score, then by its size: the benchmark takes CPR from the first and CMD from the second.
    private static readonly bool[] Rankings = [true, false];

    public static Command Create(CommandContext context)
    {
        var mib = new MibOptions(context, "validation");
        var scores = new PathOption("--scores", PathRole.Input, "the cell's scores", required: true);
        var level = new ChoiceOption("--level", "what is selected", "edge", ScoreLevels.Names);
        var absolute = new Option<bool>("--absolute") { Description = "report circuits ranked by the size of the score, from which the benchmark takes CMD; unless given by the score, from which it takes CPR" };
        var json = new PathOption("--json", PathRole.Output, "the curve and its measures");
        var command = new FaithCommand("evaluate", "Measures the circuits of the benchmark's ten sizes: CPR, CMD, acc-AUC and the average faithfulness.",
            "faith mib evaluate --cell ioi_gpt2 --data ./ioi --scores submission/ioi_gpt2/importances.json --json ioi.json",
            "faith mib evaluate --cell ioi_gpt2 --data ./ioi --scores scores.json --absolute --split test --examples 200");
        mib.AddTo(command);
        foreach (var option in (Option[])[scores, level, absolute, json]) command.Add(option);
        command.SetAction(parse =>
        {
            var (cell, path) = (mib.Cell(parse), parse.GetRequiredValue(scores));
            using var model = mib.LoadModel(parse);
            var file = CircuitFile.Read(path, model);
            // Information flow is selected greedily there.
            var values = LevelScores.Of(file, path, ScoreLevels.Parse(parse.GetRequiredValue(level)), new(file.Run?.Method == "ifr" ? "greedy" : SelectionMethods.TopName));
            var data = mib.LoadData(parse, model, null).Prompts;
            var device = mib.Device(parse);
            var models = model.OnAll(device);
            Circuit[] circuits = [.. Rankings.SelectMany(signed => CurveAreas.MibFractions.Select(p => values.Top(CurveAreas.CountOf(values.Most, p), signed)))];
            var options = new EvaluationOptions { MemoryBytes = device.MemoryBytes };
            var results = ProgressDisplay.Run(context, progress => CircuitEvaluator.Evaluate(models, data, circuits, options, progress, context.Cancellation));
            var sizes = CurveAreas.MibFractions.Count;
            var curves = Enumerable.Range(0, Rankings.Length).Select(i => new MibCurve([.. circuits.Skip(i * sizes).Take(sizes).Select(c => c.EdgeCount)], [.. results.Skip(i * sizes).Take(sizes)])).ToArray();
            var reported = parse.GetValue(absolute) ? 1 : 0;
            if (parse.GetValue(json) is { } to) JsonFile.Write(to, writer => Members(writer, cell, curves, reported));
            CircuitFile.NoteDoubts(context.Note, path, file, model);
            Summarise(context, cell, curves, reported);
            DataSummary.Write(context, model, models.First, data, MetricKind.LogitDifference, results[0].Clean, results[0].Corrupted);
        });
        return command;
    }

    private static void Members(Utf8JsonWriter json, MibCell cell, MibCurve[] curves, int reported)
    {
        json.WriteString("cell", cell.Name);
        json.WriteString("ranked_by", Name(reported));
        Numbers(json, "p", CurveAreas.MibFractions);
        Curve(json, curves[reported]);
        json.WriteNumberOrNull("full", curves[0].Results[0].CleanMean);
        json.WriteNumberOrNull("empty", curves[0].Results[0].CorruptedMean);
        // The benchmark's table takes one number from each ranking.
        for (var i = 0; i < curves.Length; i++)
        {
            json.WriteStartObject($"by_{Name(i)}");
            Curve(json, curves[i]);
            json.WriteEndObject();
        }
    }

    private static void Curve(Utf8JsonWriter json, MibCurve curve)
    {
        Numbers(json, "edges", [.. curve.Edges.Select(n => (double)n)]);
        Numbers(json, "faithfulness", curve.Faithfulness);
        json.WriteNumberOrNull("cpr", curve.Areas.Cpr);
        json.WriteNumberOrNull("cmd", curve.Areas.Cmd);
        json.WriteNumberOrNull("acc_auc", curve.AccuracyArea);
        json.WriteNumberOrNull("average", curve.Average);
    }

    private static void Numbers(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteNumberValueOrNull(value);
        json.WriteEndArray();
    }

    private static string Name(int ranking) => Rankings[ranking] ? "score" : "size";

    private static void Summarise(CommandContext context, MibCell cell, MibCurve[] curves, int reported)
    {
        var points = new TextTable(">p", ">edges", ">faithfulness", ">above 0");
        for (var i = 0; i < CurveAreas.MibFractions.Count; i++)
        {
            var result = curves[reported].Results[i];
            points.Add(Figures.Exact(CurveAreas.MibFractions[i]), $"{curves[reported].Edges[i]}", Figures.Fixed(curves[reported].Faithfulness[i]), Figures.Percent(result.Circuit.Average(value => value > 0 ? 1.0 : 0.0), 1));
        }
        context.Output.WriteLine($"{cell.Name}, ranked by {Name(reported)}:");
        points.Write(context);
        var areas = new TextTable("ranked by", ">CPR", ">CMD", ">acc-AUC", ">average");
        for (var i = 0; i < curves.Length; i++) areas.Add(Name(i), Figures.Fixed(curves[i].Areas.Cpr), Figures.Fixed(curves[i].Areas.Cmd), Figures.Fixed(curves[i].AccuracyArea), Figures.Fixed(curves[i].Average));
        areas.Write(context);
        context.Output.WriteLine($"the benchmark's table: CPR {Figures.Fixed(curves[0].Areas.Cpr)} (by score), CMD {Figures.Fixed(curves[1].Areas.Cmd)} (by size); full {Figures.Fixed(curves[0].Results[0].CleanMean)}, empty {Figures.Fixed(curves[0].Results[0].CorruptedMean)}");
    }
}
