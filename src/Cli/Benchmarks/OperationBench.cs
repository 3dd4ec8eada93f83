using System.Text.Json;
using Faith.Engine.Attribution;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>`faith bench --what operations`: every operation of the passes against the ceilings of the device, and EAP and EAP-IG whole.</summary>
internal sealed record OperationBench
{
    private static readonly string[] Methods = ["eap", "eap-ig"];

    /// <summary>
    /// One operation, the seconds of a call at its fastest, how many times as long it took when all were measured again, and the share of the ceiling that
    /// binds: of 1 where its operands came from a cache, which no copy of large matrices is a ceiling for.
    /// </summary>
    private sealed record Line(PassOperation Operation, double Seconds, double Spread, double Share, string Ceiling)
    {
        public double Gigabytes => Operation.Bytes / Seconds / 1e9;
        public double Gflops => Operation.Flops / Seconds / 1e9;
    }

    public required BenchSettings Settings { get; init; }
    public required string Device { get; init; }
    public required Ceilings Ceilings { get; init; }
    private IReadOnlyList<Line> Lines { get; init; } = [];
    /// <summary>Whole runs of <see cref="Methods"/>.</summary>
    private Timings<AttributionResult>[] Runs { get; init; } = [];

    /// <summary>Measures everything; <paramref name="threads"/> are those of a CPU.</summary>
    public static OperationBench Run(Device device, BenchSettings settings, int threads, CancellationToken cancellation)
    {
        using var weights = settings.Weights();
        using var model = new Transformer(device, weights);
        var ceilings = Ceilings.Measure(device, threads);
        var times = new List<(PassOperation Operation, double Seconds, double Spread)>();
        using (var operations = new PassOperations(model, weights.Layers[0].QueryKeyValue.Precision, settings.Rows, settings.Tokens, settings.Steps))
        {
            double[] Seconds() => [.. operations.All.Select(operation =>
            {
                cancellation.ThrowIfCancellationRequested();
                return DeviceProbe.SecondsOf(device, operation.Run);
            })];
            // All of them twice, so that what else the machine does at one time does not count, and shows.
            var (first, second) = (Seconds(), Seconds());
            for (var i = 0; i < first.Length; i++) times.Add((operations.All[i], Math.Min(first[i], second[i]), Math.Max(first[i], second[i]) / Math.Min(first[i], second[i])));
        }
        ceilings = ceilings.Or(Ceilings.Measure(device, threads)).AtLeast(times.Max(t => t.Operation.Flops / t.Seconds / 1e9));
        var data = RandomPrompts.Create(weights.Config, settings.Examples, settings.Tokens, settings.FirstDifference);
        return new()
        {
            Settings = settings,
            Device = device.Name,
            Ceilings = ceilings,
            Lines = [.. times.Select(t =>
            {
                var (floor, byMemory) = ceilings.Floor(t.Operation.Bytes, t.Operation.Flops);
                return new Line(t.Operation, t.Seconds, t.Spread, Math.Min(floor / t.Seconds, 1), !byMemory ? "product" : floor > t.Seconds ? "cache" : "copy");
            })],
            Runs = Timings.InTurn(settings.Runs, [.. Methods.Select<string, Func<AttributionResult>>(method =>
                () => Attributor.Run(model, data, settings.Options with { Method = method }, cancellation: cancellation))]),
        };
    }

    /// <summary>The result as JSON.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        Ceilings.WriteJson(json);
        json.WriteStartArray("operations");
        foreach (var line in Lines)
        {
            json.WriteStartObject();
            json.WriteString("name", line.Operation.Name);
            json.WriteNumber("seconds", line.Seconds);
            json.WriteNumber("spread", line.Spread);
            json.WriteNumber("bytes", line.Operation.Bytes);
            json.WriteNumber("flops", line.Operation.Flops);
            json.WriteNumber("share", line.Share);
            json.WriteString("ceiling", line.Ceiling);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteStartObject("examples_per_second");
        for (var i = 0; i < Runs.Length; i++) json.WriteNumber(Methods[i], Settings.Examples / Runs[i].Median);
        json.WriteEndObject();
        json.WriteNumber("rows", Settings.Rows);
        json.WriteNumber("tokens", Settings.Tokens);
        json.WriteNumber("examples", Settings.Examples);
        json.WriteNumber("steps", Settings.Steps);
        json.WriteNumber("first_difference", Settings.FirstDifference);
        json.WriteNumber("runs", Settings.Runs);
        json.WriteString("shape", Settings.Shape);
        json.WriteString("device", Device);
        json.WriteNumber("peak_memory_bytes", PeakMemory.Bytes());
    }

    /// <summary>The result for people.</summary>
    public void Print(CommandContext context)
    {
        var summary = new TextTable($"{Settings.Shape} on {Device}", "");
        Ceilings.AddTo(summary);
        for (var i = 0; i < Runs.Length; i++)
        {
            summary.Add(Methods[i], $"{Settings.Examples / Runs[i].Median:0.00} examples/s: {Settings.Examples} × {Settings.Tokens} tokens, {(Methods[i] == "eap" ? "" : $"{Settings.Steps} steps, ")}median of {Settings.Runs} runs from {Settings.Examples / Runs[i].Most:0.00} to {Settings.Examples / Runs[i].Least:0.00}");
        }
        summary.Write(context);
        var table = new TextTable($"operation, {Settings.Rows} rows in sequences of {Settings.Tokens}", ">µs", ">spread", ">GB/s", ">GFLOP/s", ">share", "of");
        foreach (var line in Lines)
        {
            table.Add(line.Operation.Name, $"{line.Seconds * 1e6:#,0.0}", $"{line.Spread - 1:0%}", $"{line.Gigabytes:#,0.0}", line.Operation.Flops > 0 ? $"{line.Gflops:#,0.0}" : "", $"{line.Share:0%}", line.Ceiling);
        }
        table.Write(context);
        context.Output.WriteLine("spread: how much longer an operation took when all were measured again");
        context.Output.WriteLine("share: of the ceiling that binds, every operand counted once; cache: faster than a copy of large matrices, as the operands stayed in a cache");
    }
}
