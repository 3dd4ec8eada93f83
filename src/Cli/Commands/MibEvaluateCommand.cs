using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Mib;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith mib evaluate`: CPR, CMD and what belongs beside them, of the scores of cells.</summary>
internal static class MibEvaluateCommand
{
    public static Command Create(CommandContext context)
    {
        var mib = new MibOptions(context, "validation");
        var scores = new PathOption("--scores", PathRole.Input, "the cell's scores; or a folder of them, of the nine circuits of a cell, or with one such folder a cell", required: true);
        var level = new ChoiceOption("--level", "what is selected", "edge", ScoreLevels.Names);
        var absolute = new Option<bool>("--absolute") { Description = "report circuits ranked by the size of the score, from which the benchmark takes CMD; unless given by the score, from which it takes CPR" };
        var json = new PathOption("--json", PathRole.Output, "the curve and its measures, of one cell");
        var output = new PathOption("--out", PathRole.Folder, "a folder for them, CELL.json each; cells that are done are left");
        var command = new FaithCommand("evaluate", "Measures the circuits of the benchmark's ten sizes: CPR, CMD, acc-AUC and the average faithfulness.",
            "faith mib evaluate --cell ioi_gpt2 --data ./ioi --scores submission/ioi_gpt2/importances.json --json ioi.json",
            "faith mib evaluate --cell ioi_gpt2,ioi_qwen2.5,mcqa_qwen2.5 --scores submission --out results",
            "faith mib evaluate --cell ioi_gpt2 --data ./ioi --scores scores.json --absolute --split test --examples 200");
        mib.AddTo(command);
        foreach (var option in (Option[])[scores, level, absolute, json, output]) command.Add(option);
        command.Validators.Add(result =>
        {
            if (result.GetResult(json) is not null && result.GetResult(output) is not null) result.AddError("--json and --out both say where the result goes; give one");
        });
        command.SetAction(parse =>
        {
            var (cells, from, folder) = (mib.Cells(parse), parse.GetRequiredValue(scores), parse.GetValue(output));
            if (cells.Count > 1 && parse.GetValue(json) is not null) throw new InputException("--json takes the result of one cell; --out DIR those of several");
            if (folder is not null && FileIdentity.Of(folder).IsSameFile(FileIdentity.Of(from))) throw new InputException($"--out {folder}: is the folder of --scores; a submission holds no results, so give another");
            var done = new List<MibResult>();
            var code = MibRuns.Run(context, mib, parse, (cell, model) =>
            {
                var circuits = MibCircuits.Read(from, cell, model, ScoreLevels.Parse(parse.GetRequiredValue(level)));
                var data = mib.LoadData(parse, cell, model, null).Prompts;
                var settings = mib.Settings(parse, cell);
                (settings["scores_hash"], settings["ranked_by"]) = (circuits.Hash, parse.GetValue(absolute) ? "size" : "score");
                var planned = new RunRecord
                {
                    Version = ProgramVersion.Text, Model = model.Name, ModelHash = model.Hash, Data = data.Name, DataHash = data.Hash, Method = circuits.Scores?.Run?.Method, Metric = MetricKind.LogitDifference.Name(),
                    Ablation = Ablation.Patching.Name(), Level = parse.GetRequiredValue(level), Examples = data.Count, Options = settings,
                };
                var path = folder is null ? parse.GetValue(json) : Path.Combine(folder, $"{cell.Name}.json");
                if (folder is not null && MibRuns.IsDone(context, path!, planned, made => MibResult.Read(made).Run)) done.Add(MibResult.Read(path!));
                else done.Add(Measure(context, cell, circuits, model, data, mib.Device(parse), planned, parse.GetValue(absolute), path, folder));
            });
            if (cells.Count > 1 && done.Count > 0) Summarise(context, done);
            return code;
        });
        return command;
    }

    private static MibResult Measure(CommandContext context, MibCell cell, MibCircuits circuits, LoadedModel model, PromptSet data, DeviceChoice device, RunRecord planned, bool absolute, string? path, string? folder)
    {
        var models = model.OnAll(device);
        // What was given instead of selected is the same in both rankings.
        Circuit[] different = [.. circuits.ByScore.Concat(circuits.BySize).Distinct()];
        var results = ProgressDisplay.Run(context, progress => CircuitEvaluator.Evaluate(models, data, different, new EvaluationOptions { MemoryBytes = device.MemoryBytes }, progress, context.Cancellation));
        var (byScore, bySize) = (CurveOf(circuits.ByScore), CurveOf(circuits.BySize));
        var result = new MibResult
        {
            Cell = cell.Name, ReportsSize = absolute, Score = MibMeasures.Of(byScore), Size = MibMeasures.Of(bySize), Full = results[0].CleanMean, Empty = results[0].CorruptedMean,
            Run = planned with { Device = models.DeviceName },
        };
        if (folder is not null) OutputFolder.Make(folder);
        if (path is not null) JsonFile.Write(path, result.Write);
        if (circuits.Scores is { } file)
        {
            CircuitFile.NoteDoubts(context.Note, circuits.Path, file, model);
            if (file.Run?.Options.GetValueOrDefault(MibOptions.CellName) is { } other && other != cell.Name) context.Note($"{circuits.Path}: holds the scores of the cell {PlainText.Short(other)}, not of {cell.Name}");
        }
        Summarise(context, result, absolute ? bySize : byScore);
        DataSummary.Write(context, model, models.First, data, MetricKind.LogitDifference, results[0].Clean, results[0].Corrupted);
        return result;

        MibCurve CurveOf(IReadOnlyList<Circuit> chosen) => new([.. chosen.Select(c => c.EdgeCount)], [.. chosen.Select(c => results[Array.IndexOf(different, c)])]);
    }

    private static void Summarise(CommandContext context, MibResult result, MibCurve curve)
    {
        var points = new TextTable(">p", ">edges", ">faithfulness", ">above 0");
        for (var i = 0; i < CurveAreas.MibFractions.Count; i++)
        {
            points.Add(Figures.Exact(CurveAreas.MibFractions[i]), $"{curve.Edges[i]}", Figures.Fixed(curve.Faithfulness[i]), Figures.Percent(curve.Results[i].Circuit.Average(value => value > 0 ? 1.0 : 0.0), 1));
        }
        context.Output.WriteLine($"{result.Cell}, ranked by {result.RankedBy}:");
        points.Write(context);
        var areas = new TextTable("ranked by", ">CPR", ">CMD", ">acc-AUC", ">average");
        foreach (var (name, of) in ((string, MibMeasures)[])[("score", result.Score), ("size", result.Size)]) areas.Add(name, Figures.Fixed(of.Cpr), Figures.Fixed(of.Cmd), Figures.Fixed(of.AccuracyArea), Figures.Fixed(of.Average));
        areas.Write(context);
        context.Output.WriteLine($"the benchmark's table: CPR {Figures.Fixed(result.Score.Cpr)} (by score), CMD {Figures.Fixed(result.Size.Cmd)} (by size); full {Figures.Fixed(result.Full)}, empty {Figures.Fixed(result.Empty)}");
    }

    // As the benchmark's table: CPR by score, CMD by size.
    private static void Summarise(CommandContext context, IReadOnlyList<MibResult> results)
    {
        var table = new TextTable("cell", ">CPR", ">CMD", ">acc-AUC", ">average", ">full", ">empty");
        foreach (var result in results)
        {
            table.Add(result.Cell, Figures.Fixed(result.Score.Cpr), Figures.Fixed(result.Size.Cmd), Figures.Fixed(result.Score.AccuracyArea), Figures.Fixed(result.Score.Average), Figures.Fixed(result.Full), Figures.Fixed(result.Empty));
        }
        table.Write(context);
    }
}
