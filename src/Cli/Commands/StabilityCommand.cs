using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Statistics;

namespace Faith.Cli.Commands;

/// <summary>`faith stability`: how much of a circuit would be the same with other examples, and how much of it chance gives.</summary>
internal static class StabilityCommand
{
    private const int BestShown = 20;
    private static readonly int[] DefaultSizes = [30, 100, 300];

    public static Command Create(CommandContext context)
    {
        var run = new RunOptions(context);
        var method = new MethodOptions(searches: false);
        var sizes = SizesOption.Create("--edges", "sizes of the circuits, separated by commas; 30,100,300 unless given");
        var resamples = OptionKinds.Integer("--resamples", "bootstrap resamples of the examples", 200, 10, 100_000);
        var confidence = OptionKinds.OptionalNumber("--confidence", "X", "confidence of the intervals; 0.95 unless given", x => x is > 0 and < 1, "a number between 0 and 1");
        var randoms = OptionKinds.Integer("--random", "random circuits of each size", 5, 0, 1000);
        var shuffles = OptionKinds.Integer("--shuffles", "runs with answers and distractors permuted among the examples", 3, 0, 1000);
        var seed = OptionKinds.Integer("--seed", "equal seeds give equal results", 0, 0, int.MaxValue);
        var selection = new SelectionOptions(SelectionMethods.All.Keys);
        var json = new PathOption("--json", PathRole.Output, "all edges and sizes");
        var command = new FaithCommand("stability", "Bootstraps scores, circuits and faithfulness over the examples, beside random circuits and shuffled labels.",
            "faith stability --model tasks-4l --data ioi",
            "faith stability --model ./gpt2 --data ioi.csv --method eap --edges 30,100,400 --resamples 500 --json stability.json");
        run.AddTo(command);
        method.AddTo(command);
        foreach (var option in (Option[])[sizes, .. selection.All, resamples, confidence, randoms, shuffles, seed, json]) command.Add(option);
        command.SetAction(parse =>
        {
            var path = parse.GetValue(json);
            using var model = run.LoadModel(parse);
            var counts = parse.GetValue(sizes) is { Length: > 0 } given ? given : [.. DefaultSizes.Where(n => n <= model.Graph.Edges)];
            if (counts.Length == 0) counts = [model.Graph.Edges];
            if (counts[0] == 0) throw new InputException("--edges 0: a circuit without edges has nothing to be stable");
            if (counts[^1] > model.Graph.Edges) throw new InputException($"--edges {counts[^1]}: the graph of {model.Name} has only {model.Graph.Edges}");
            var loaded = run.Load(parse, model);
            var choice = run.Device(parse);
            var (data, attribution) = (loaded.Data, method.Read(parse, loaded.Evaluation(choice)));
            var (chosen, signed) = selection.Read(parse);
            var options = new StabilityOptions
            {
                Sizes = counts, Select = chosen.Method, Signed = signed, Resamples = parse.GetValue(resamples),
                Confidence = parse.GetValue(confidence) ?? 0.95, RandomCircuits = parse.GetValue(randoms), Shuffles = parse.GetValue(shuffles), Seed = (ulong)parse.GetValue(seed),
            };
            var models = model.OnAll(choice);
            var result = ProgressDisplay.Run(context, progress => StabilityStudy.Run(models, data, attribution, options, progress, context.Cancellation));
            method.NoteWhatDidNothing(context, parse, attribution);
            if (loaded.By(attribution).Doubt(result.Attribution) is { } doubt) context.Note(doubt);
            if (path is not null) JsonFile.Write(path, writer => Members(writer, attribution.Method, data.Count, options, result));
            context.Output.WriteLine($"{attribution.Method} on {data.Count} examples of {data.Name}; {options.Resamples} resamples, intervals of {options.Confidence.ToString("0.##%", CultureInfo.InvariantCulture)}");
            DataSummary.Write(context, model, models.First, data, attribution.Metric, result.Attribution.Clean, result.Attribution.Corrupted);
            EdgeTable(context, model.Graph, options, result);
            SizeTable(context, result);
        });
        return command;
    }

    private static void EdgeTable(CommandContext context, ModelGraph graph, StabilityOptions options, StabilityResult result)
    {
        var table = new TextTable(["edge", ">score", ">from", ">to", .. options.Sizes.Select(n => $">in top {n}")]);
        foreach (var edge in result.Edges.Take(BestShown))
        {
            table.Add([graph.EdgeName(edge.Edge), Figures.Fixed(edge.Score), Figures.Fixed(edge.Interval.Low), Figures.Fixed(edge.Interval.High),
                .. edge.Selected.Select(share => Figures.Percent(share))]);
        }
        table.Write(context);
        if (result.Edges.Count > BestShown) context.Output.WriteLine($"… and {result.Edges.Count - BestShown} more edges; the sign of {result.Edges.Count(e => !e.Interval.IsCertain)} of all {result.Edges.Count} is not certain");
    }

    private static void SizeTable(CommandContext context, StabilityResult result)
    {
        var table = new TextTable(">selected", ">edges", ">Jaccard", "of resamples", ">faithfulness", "interval", ">random", ">its Jaccard", ">shuffled", ">its Jaccard");
        foreach (var size in result.Sizes)
        {
            table.Add($"{size.Size}", $"{size.Circuit.EdgeCount}", Figures.Fixed(size.Jaccard, 2), Range(size.JaccardInterval, 2), Figures.Fixed(size.Faithfulness.Normalised, 3),
                Range(size.FaithfulnessInterval, 3), Faithfulness(size.Random), Overlap(size.Random), Faithfulness(size.Shuffled), Overlap(size.Shuffled));
        }
        table.Write(context);
        context.Output.WriteLine($"verdict, a mean Jaccard index of {StabilityVerdicts.LeastJaccard.ToString("0.0", CultureInfo.InvariantCulture)} or more over {StabilityVerdicts.LeastExamples} examples or more: {string.Join("; ", result.Sizes.Select(s => $"{s.Size} edges {s.Verdict.Words()}"))}");
        if (result.Sizes[0].Faithfulness.Undefined is not null) context.Output.WriteLine($"faithfulness {FaithfulnessText.Of(result.Sizes[0].Faithfulness)}");

        static string Range(Interval interval, int decimals) => double.IsNaN(interval.Low) ? Figures.None : $"{Figures.Fixed(interval.Low, decimals)} … {Figures.Fixed(interval.High, decimals)}";
        static string Faithfulness(BaselineStability? baseline) => baseline is { } b ? Figures.Fixed(b.Faithfulness, 3) : Figures.None;
        static string Overlap(BaselineStability? baseline) => baseline is { } b ? Figures.Fixed(b.Jaccard, 2) : Figures.None;
    }

    private static void Members(Utf8JsonWriter json, string method, int examples, StabilityOptions options, StabilityResult result)
    {
        var graph = result.Attribution.Scores.Graph;
        json.WriteString("method", method);
        json.WriteNumber("examples", examples);
        json.WriteNumber("resamples", options.Resamples);
        json.WriteNumber("confidence", options.Confidence);
        WriteEdges(json, "edges", graph, options.Sizes, result.Edges);
        WriteEdges(json, "near_misses", graph, options.Sizes, result.NearMisses);
        json.WriteStartArray("sizes");
        foreach (var size in result.Sizes)
        {
            json.WriteStartObject();
            json.WriteNumber("selected", size.Size);
            json.WriteNumber("edges", size.Circuit.EdgeCount);
            json.WriteNumber("jaccard", size.Jaccard);
            WriteInterval(json, "jaccard_interval", size.JaccardInterval);
            json.WriteString("verdict", size.Verdict.Words());
            json.WriteNumberOrNull("faithfulness", size.Faithfulness.Normalised);
            WriteInterval(json, "faithfulness_interval", size.FaithfulnessInterval);
            WriteBaseline(json, "random", size.Random);
            WriteBaseline(json, "shuffled_labels", size.Shuffled);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteEdges(Utf8JsonWriter json, string name, ModelGraph graph, IReadOnlyList<int> sizes, IReadOnlyList<EdgeStability> edges)
    {
        json.WriteStartArray(name);
        foreach (var edge in edges)
        {
            json.WriteStartObject();
            json.WriteString("edge", graph.EdgeName(edge.Edge));
            json.WriteNumberOrNull("score", edge.Score);
            WriteInterval(json, "interval", edge.Interval);
            json.WriteStartObject("selected");
            for (var s = 0; s < edge.Selected.Count; s++) json.WriteNumber(sizes[s].ToString(CultureInfo.InvariantCulture), edge.Selected[s]);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteInterval(Utf8JsonWriter json, string name, Interval interval)
    {
        json.WriteStartObject(name);
        json.WriteNumberOrNull("low", interval.Low);
        json.WriteNumberOrNull("high", interval.High);
        json.WriteEndObject();
    }

    private static void WriteBaseline(Utf8JsonWriter json, string name, BaselineStability? baseline)
    {
        if (baseline is not { } b)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        json.WriteNumber("jaccard", b.Jaccard);
        json.WriteNumberOrNull("faithfulness", b.Faithfulness);
        json.WriteNumberOrNull("most", b.Most);
        json.WriteEndObject();
    }
}
