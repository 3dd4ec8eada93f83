using System.Text.Json;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>`faith bench --what evaluate`: a curve of circuits of growing size against one clean and one corrupted forward pass.</summary>
internal sealed record CircuitBench
{
    private const int CircuitsOfCurve = 20;
    private const int Smallest = 30, Largest = 2000;
    private const int ExamplesScored = 4;

    public required BenchSettings Settings { get; init; }
    public required string Device { get; init; }
    public required IReadOnlyList<int> Edges { get; init; }
    public required Timings<IReadOnlyList<Faithfulness>> Curve { get; init; }
    public required Timings<IReadOnlyList<Faithfulness>> Ends { get; init; }
    /// <summary>The two forward passes of prompts as long that share no prefix, as a program without that trick has to run them.</summary>
    public required Timings<IReadOnlyList<Faithfulness>> WholeEnds { get; init; }
    /// <summary>Operations of the matrix products of the curve, its ends included, over those of the ends: the ratio that equally fast products would give.</summary>
    public required double OperationsRatio { get; init; }

    /// <summary>The median of the ratios round by round.</summary>
    private double Ratio => Timings.Median(Curve.Seconds.Zip(Ends.Seconds, (curve, ends) => curve / ends));

    /// <summary>The same against forward passes over whole prompts.</summary>
    private double WholeRatio => Timings.Median(Curve.Seconds.Zip(WholeEnds.Seconds, (curve, ends) => curve / ends));

    /// <summary>Times the curve and its ends in turn.</summary>
    public static CircuitBench Run(Device device, BenchSettings settings, CancellationToken cancellation)
    {
        using var weights = settings.Weights();
        using var model = new Transformer(device, weights);
        var data = RandomPrompts.Create(weights.Config, settings.Examples, settings.Tokens, settings.FirstDifference);
        var unshared = RandomPrompts.Create(weights.Config, settings.Examples, settings.Tokens, firstDifference: 0);
        var circuits = CircuitsOf(model, data, settings.Options, cancellation);
        var (curveFlops, endFlops) = (0L, 0L);
        var times = Timings.InTurn(settings.Runs, () => Evaluate(data, circuits, out curveFlops), () => Evaluate(data, [], out endFlops), () => Evaluate(unshared, [], out _));
        return new()
        {
            Settings = settings,
            Device = device.Name,
            Edges = [.. circuits.Select(c => c.EdgeCount)],
            Curve = times[0],
            Ends = times[1],
            WholeEnds = times[2],
            OperationsRatio = (double)curveFlops / endFlops,
        };

        IReadOnlyList<Faithfulness> Evaluate(PromptSet examples, Circuit[] chosen, out long flops)
        {
            var before = device.MatrixFlops;
            var results = CircuitEvaluator.Evaluate(model, examples, chosen, settings.Options.Metric, settings.Options.MemoryBytes, cancellation: cancellation);
            flops = device.MatrixFlops - before;
            return results;
        }
    }

    /// <summary>Circuits as they are found: greedy by EAP scores, at even distances on a logarithmic axis.</summary>
    private static Circuit[] CircuitsOf(Transformer model, PromptSet data, AttributionOptions options, CancellationToken cancellation)
    {
        var scores = Attributor.Run(model, data.First(ExamplesScored), options with { Method = "eap" }, cancellation: cancellation).Scores;
        var (from, to) = (Math.Min(Smallest, model.Graph.Edges), Math.Min(Largest, model.Graph.Edges));
        return [.. Enumerable.Range(0, CircuitsOfCurve).Select(i => CircuitSelection.Greedy(scores, (int)Math.Round(from * Math.Pow((double)to / from, i / (CircuitsOfCurve - 1.0))), signed: false))];
    }

    /// <summary>The result as JSON.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteNumber("seconds", Curve.Median);
        json.WriteNumber("seconds_min", Curve.Least);
        json.WriteNumber("examples", Settings.Examples);
        json.WriteNumber("examples_per_second", Settings.Examples / Curve.Median);
        json.WriteNumber("ends_seconds", Ends.Median);
        json.WriteNumber("ratio", Ratio);
        json.WriteNumber("operations_ratio", OperationsRatio);
        json.WriteNumber("whole_prompts_seconds", WholeEnds.Median);
        json.WriteNumber("whole_prompts_ratio", WholeRatio);
        json.WriteStartArray("edges");
        foreach (var edges in Edges) json.WriteNumberValue(edges);
        json.WriteEndArray();
        json.WriteNumber("peak_memory_bytes", PeakMemory.Bytes());
        json.WriteString("shape", Settings.Shape);
        json.WriteString("device", Device);
    }

    /// <summary>The result for people.</summary>
    public void Print(CommandContext context)
    {
        var table = new TextTable($"{Edges.Count} circuits of {Edges.Min()} to {Edges.Max()} edges on {Settings.Shape}, {Settings.Examples} × {Settings.Tokens} tokens, {Device}", "");
        table.Add("seconds of the curve (median, fastest, slowest)", $"{Curve.Median:0.000}, {Curve.Least:0.000}, {Curve.Most:0.000} of {Settings.Runs} runs");
        table.Add("seconds of one clean and one corrupted forward", $"{Ends.Median:0.000}, {Ends.Least:0.000}, {Ends.Most:0.000}");
        table.Add("ratio, prefixes shared by all", $"{Ratio:0.00}; of their operations {OperationsRatio:0.00}");
        table.Add("the same, over whole prompts", $"{WholeEnds.Median:0.000}, {WholeEnds.Least:0.000}, {WholeEnds.Most:0.000}");
        table.Add("ratio", $"{WholeRatio:0.00}");
        table.Write(context);
    }
}
