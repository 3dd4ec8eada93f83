using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Engine.Reports;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>`faith bench --what growth`: how the time of a run grows with what it is given, and the exponent that fits.</summary>
internal sealed record GrowthBench
{
    private static readonly double[] Factors = [0.5, 1, 2, 4];
    private static readonly double[] LayerFactors = [0.25, 0.5, 0.75, 1];

    /// <summary>One quantity that was varied with all others as they are.</summary>
    private sealed record Line(string Quantity, int[] Sizes, double[] Seconds, double Exponent);

    public required BenchSettings Settings { get; init; }
    public required string Device { get; init; }
    private IReadOnlyList<Line> Lines { get; init; } = [];
    /// <summary>The exponent of the number of edges in the number of layers, to compare that of the time with.</summary>
    private double EdgeExponent { get; init; }

    /// <summary>Times every size of every quantity.</summary>
    public static GrowthBench Run(Device device, BenchSettings settings, CancellationToken cancellation)
    {
        var config = settings.Weights().Config;
        // The last layer runs on one row a prompt: a single layer would not be typical of any.
        var layers = Sizes(config.Layers, LayerFactors, least: 2);
        return new()
        {
            Settings = settings,
            Device = device.Name,
            Lines =
            [
                Measure("examples", Sizes(settings.Examples, Factors), n => settings with { Examples = n }),
                Measure("suffix rows of an example", Sizes(settings.Tokens, Factors), n => settings with { Tokens = Math.Min(n, config.Context) }),
                Measure("steps", Sizes(settings.Steps, Factors), n => settings with { Options = settings.Options with { Steps = n } }),
                Measure("layers", layers, n => settings with { Layers = n }),
            ],
            EdgeExponent = Exponent(layers, [.. layers.Select(l => (double)new ModelGraph(l, config.Heads, config.ParallelBlocks).Edges)]),
        };

        Line Measure(string quantity, int[] sizes, Func<int, BenchSettings> with)
        {
            var seconds = sizes.Select(n => Time(device, with(n), cancellation)).ToArray();
            return new(quantity, sizes, seconds, Exponent(sizes, seconds));
        }
    }

    private static double Time(Device device, BenchSettings settings, CancellationToken cancellation)
    {
        using var weights = settings.Weights();
        using var model = new Transformer(device, weights);
        var data = RandomPrompts.Create(weights.Config, settings.Examples, settings.Tokens, settings.FirstDifference);
        return Timings.Of(settings.Runs, () => Attributor.Run(model, data, settings.Options, cancellation: cancellation)).Median;
    }

    private static int[] Sizes(int centre, double[] factors, int least = 1) => [.. factors.Select(f => Math.Max(least, (int)(centre * f))).Distinct()];

    /// <summary>The slope of the straight line that fits log(y) over log(x) best.</summary>
    private static double Exponent(int[] x, double[] y)
    {
        double[] u = [.. x.Select(v => Math.Log(v))], w = [.. y.Select(v => Math.Log(v))];
        var (meanU, meanW) = (u.Average(), w.Average());
        return u.Zip(w, (a, b) => (a - meanU) * (b - meanW)).Sum() / u.Sum(a => (a - meanU) * (a - meanU));
    }

    /// <summary>Time over size, both relative to the smallest of each quantity.</summary>
    public string ToSvg()
    {
        var furthest = Lines.Max(l => (double)l.Sizes[^1] / l.Sizes[0]);
        return new CurvePlot
        {
            Title = $"{Settings.Options.Method} on {Settings.Shape}: growth of the time",
            XLabel = "size, relative to the smallest",
            YLabel = "seconds, relative to the smallest",
            LogarithmicX = false,
            Series =
            [
                .. Lines.Select(l => new PlotSeries($"{l.Quantity}: exponent {l.Exponent:0.00}", [.. l.Sizes.Select(n => (double)n / l.Sizes[0])], [.. l.Seconds.Select(s => s / l.Seconds[0])])),
                new PlotSeries("proportional", [1, furthest], [1, furthest]),
            ],
        }.ToSvg();
    }

    /// <summary>The result as JSON.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        foreach (var line in Lines)
        {
            json.WriteStartObject(line.Quantity);
            json.WriteStartArray("sizes");
            foreach (var size in line.Sizes) json.WriteNumberValue(size);
            json.WriteEndArray();
            json.WriteStartArray("seconds");
            foreach (var seconds in line.Seconds) json.WriteNumberValue(seconds);
            json.WriteEndArray();
            json.WriteNumberOrNull("exponent", line.Exponent);
            json.WriteEndObject();
        }
        json.WriteNumberOrNull("edges_in_layers_exponent", EdgeExponent);
        json.WriteString("shape", Settings.Shape);
        json.WriteString("device", Device);
    }

    /// <summary>The result for people.</summary>
    public void Print(CommandContext context)
    {
        var table = new TextTable($"{Settings.Options.Method} on {Settings.Shape}, {Device}", ">sizes", ">seconds (medians)", ">exponent");
        foreach (var line in Lines)
        {
            table.Add(line.Quantity, string.Join(", ", line.Sizes), string.Join(", ", line.Seconds.Select(s => s.ToString("0.000"))), line.Exponent.ToString("0.00"));
        }
        table.Write(context);
        context.Output.WriteLine($"the number of edges grows with the layers to the power of {EdgeExponent:0.00}");
    }
}
