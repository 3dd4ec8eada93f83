using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli.Commands;

/// <summary>`faith mib attribute`: the scores of a cell with the benchmark's settings, as a part of a submission.</summary>
internal static class MibAttributeCommand
{
    private const string FileName = "importances.json";

    public static Command Create(CommandContext context)
    {
        var mib = new MibOptions(context, "train");
        var method = new MethodOptions(searches: false);
        var level = new ChoiceOption("--level", "what is scored besides edges", "edge", ScoreLevels.Names);
        var output = new PathOption("--out", PathRole.Folder, $"the folder of the submission: the scores go to CELL/{FileName} in it", required: true);
        var command = new FaithCommand("attribute", "Scores the edges of a cell's model on the first examples of its training split: logit difference, patching, five steps. Of several cells those that are done are left.",
            "faith mib attribute --cell ioi_gpt2 --data ./ioi --out submission", "faith mib attribute --cell ioi_gpt2,ioi_qwen2.5,mcqa_qwen2.5 --out submission", "faith mib attribute --cell mcqa_qwen2.5 --model ./qwen --data ./copycolors_mcqa --method eap --out submission");
        mib.AddTo(command);
        method.AddTo(command);
        command.Add(level);
        command.Add(output);
        command.SetAction(parse => MibRuns.Run(context, mib, parse, (cell, model) =>
        {
            var folder = Path.Combine(parse.GetRequiredValue(output), cell.Name);
            var path = Path.Combine(folder, FileName);
            var data = mib.LoadData(parse, cell, model, cell.Task.AttributionExamples).Prompts;
            var device = mib.Device(parse);
            var options = method.Read(parse, new EvaluationOptions { MemoryBytes = device.MemoryBytes }) with { Level = ScoreLevels.Parse(parse.GetRequiredValue(level)) };
            var run = new RunSpecification { Model = model.Name, Data = data.Name, Examples = data.Count, Scoring = options };
            var settings = mib.Settings(parse, cell);
            if (MibRuns.IsDone(context, path, RunRecords.Planned(run, model.Hash, data, null, settings), made => ScoreFile.Read(made).Run)) return;
            var models = model.OnAll(device);
            if (models.Count > 1 && !AttributionMethods.Find(options.Method).ScoresByExample(options)) models = models.First;
            var result = ProgressDisplay.Run(context, progress => Attributor.Run(models, data, options, progress, context.Cancellation));
            var file = new ScoreFile
            {
                Graph = models.Graph, DModel = models.Config.Width, Scores = result.HasEdgeScores ? result.Scores : null, InGraph = Circuit.Empty(models.Graph), Nodes = NodeEntry.Of(result.NodeScores, result.NeuronScores, models.Config.Width),
                Run = RunRecords.Of(run, models, data, null, result, settings),
            };
            OutputFolder.Make(folder);
            OutputFile.WriteInFolder(folder, file.ToOutput(FileName));
            method.NoteWhatDidNothing(context, parse, options);
            if (ScoreDoubt.Of(options, models.Config.Norm, models.Graph, result.CompletenessGap) is { } doubt) context.Note(doubt);
            context.Output.WriteLine($"{path}: {(result.HasEdgeScores ? $"{models.Graph.Edges} edges" : $"{models.Graph.Sources} nodes")} scored with {options.Method} on {data.Count} examples of {data.Name} in {result.Seconds:0.00} s");
            DataSummary.Write(context, model, models.First, data, options.Metric, result.Clean, result.Corrupted);
        }));
        return command;
    }
}
