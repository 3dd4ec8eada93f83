using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Passes;
using Faith.Engine.Planning;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>`faith bench`: how fast a method scores all edges of a model with random weights.</summary>
internal sealed record AttributionBench
{
    private const double Giga = 1e9;
    /// <summary>The phases that score edges once the gradients are there; the others are forwards and backwards.</summary>
    private static readonly string[] ScorePhases = ["scores", "sum"];

    public required BenchSettings Settings { get; init; }
    public required string Device { get; init; }
    public required int Devices { get; init; }
    public required Timings<AttributionResult> Times { get; init; }
    /// <summary>Operations that cannot be done without, or null for a method without such a count.</summary>
    public required double? Flops { get; init; }
    /// <summary>Those of the first device.</summary>
    public required Ceilings Ceilings { get; init; }
    public required long PeakMemoryBytes { get; init; }

    private double ExamplesPerSecond => Settings.Examples / Times.Median;
    private double? Gflops => Flops / Times.Median / Giga;
    private double? ShareOfPeak => Gflops / Devices / Ceilings.FmaGflops;
    private double? ShareOfProduct => Gflops / Devices / Ceilings.ProductGflops;
    /// <summary>Seconds by phase of one run; on a GPU of one that times them apart and is not among <see cref="Times"/>.</summary>
    public required IReadOnlyDictionary<string, double> Phases { get; init; }
    /// <summary>Seconds of the edge scores over those of the forwards and backwards alone.</summary>
    private double ScoreShare => Phases.Where(p => ScorePhases.Contains(p.Key)).Sum(p => p.Value) / Phases.Where(p => !ScorePhases.Contains(p.Key)).Sum(p => p.Value);

    /// <summary>Times the runs; loading the model is not part of them.</summary>
    public static AttributionBench Run(IReadOnlyList<Device> devices, BenchSettings settings, int threads, CancellationToken cancellation)
    {
        using var weights = settings.Weights();
        using var models = new TransformerSet(devices, weights);
        var data = RandomPrompts.Create(weights.Config, settings.Examples, settings.Tokens, settings.FirstDifference);
        // Before and after: the machine may be busy with something else at either time.
        var before = Ceilings.Arithmetic(devices[0], threads);
        var times = Timings.Of(settings.Runs, () => Attributor.Run(models, data, settings.Options, cancellation: cancellation));
        // The copy takes memory of its own.
        var peak = PeakMemory.Bytes();
        var ceilings = before.Or(Ceilings.Measure(devices[0], threads));
        var flops = FloorCount.Of(weights.Config, data, settings.Options);
        if (flops is { } count) ceilings = ceilings.AtLeast(count / times.Median / Giga / devices.Count);
        return new() { Settings = settings, Device = models.DeviceName, Devices = devices.Count, Times = times, Phases = times.Typical.Phases, Flops = flops, Ceilings = ceilings, PeakMemoryBytes = peak };
    }

    /// <summary>The result as JSON.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteNumber("seconds", Times.Median);
        json.WriteNumber("seconds_min", Times.Least);
        json.WriteNumber("seconds_max", Times.Most);
        json.WriteNumber("examples", Settings.Examples);
        json.WriteNumber("examples_per_second", ExamplesPerSecond);
        json.WriteNumberOrNull("flops", Flops ?? double.NaN);
        Ceilings.WriteJson(json);
        json.WriteNumberOrNull("share_of_peak", ShareOfPeak ?? double.NaN);
        json.WriteNumberOrNull("share_of_product", ShareOfProduct ?? double.NaN);
        json.WriteNumber("peak_memory_bytes", PeakMemoryBytes);
        json.WriteStartObject("phases");
        foreach (var (name, seconds) in Phases) json.WriteNumber(name, seconds);
        json.WriteEndObject();
        json.WriteNumberOrNull("score_share", ScoreShare);
        json.WriteNumber("runs", Settings.Runs);
        json.WriteString("shape", Settings.Shape);
        json.WriteString("method", Settings.Options.Method);
        json.WriteNumber("steps", Settings.Steps);
        json.WriteNumber("tokens", Settings.Tokens);
        json.WriteNumber("first_difference", Settings.FirstDifference);
        json.WriteString("device", Device);
        json.WriteNumber("devices", Devices);
    }

    /// <summary>The result for people.</summary>
    public void Print(CommandContext context)
    {
        var table = new TextTable($"{Settings.Options.Method} on {Settings.Shape}, {Settings.Examples} × {Settings.Tokens} tokens, {Device}", "");
        table.Add("seconds (median, fastest, slowest)", $"{Times.Median:0.000}, {Times.Least:0.000}, {Times.Most:0.000} of {Settings.Runs} runs");
        table.Add("examples/s", $"{ExamplesPerSecond:0.00}");
        if (Flops is { } flops) table.Add("floor of operations", $"{flops / Giga:#,0.0} GFLOP, done at {Gflops:0.0} GFLOP/s");
        Ceilings.AddTo(table);
        if (Flops is not null) table.Add("share of the product ceiling", $"{(Devices > 1 ? $"of {Devices} devices: " : "")}{ShareOfProduct:0.0%}; of the FMA peak {ShareOfPeak:0.0%}");
        table.Add("peak memory", $"{PeakMemoryBytes / (double)(1 << 20):#,0} MiB");
        table.Write(context);
        var phases = new TextTable("phase", ">seconds", ">share");
        var total = Phases.Values.Sum();
        foreach (var (name, seconds) in Phases) phases.Add(name, $"{seconds:0.000}", $"{seconds / total:0.0%}");
        phases.Write(context);
        context.Output.WriteLine($"edge scores on top of forwards and backwards: {ScoreShare:0.0%}");
    }
}
