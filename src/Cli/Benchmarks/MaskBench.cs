using System.Text.Json;
using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Masks;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>`faith bench --what masks`: a step of the training of masks against a plain forward and backward pass over the same prompts.</summary>
internal sealed record MaskBench
{
    private const double Rate = 0.05;

    public required BenchSettings Settings { get; init; }
    public required string Device { get; init; }
    /// <summary>Of a step: masks of a size, the masked run and its gradients, and the optimiser.</summary>
    public required Timings<double> Step { get; init; }
    /// <summary>Of the clean prompts: forward pass, metric and backward pass as far as the first layer's queries, keys and values.</summary>
    public required Timings<double> Plain { get; init; }

    /// <summary>The median of the ratios round by round.</summary>
    private double Ratio => Timings.Median(Step.Seconds.Zip(Plain.Seconds, (step, plain) => step / plain));

    /// <summary>Times steps and plain passes in turn.</summary>
    public static MaskBench Run(Device device, BenchSettings settings)
    {
        using var weights = settings.Weights();
        using var model = new Transformer(device, weights);
        var data = RandomPrompts.Create(weights.Config, settings.Examples, settings.Tokens, settings.FirstDifference);
        var evaluation = new EvaluationOptions { Metric = settings.Options.Metric, MemoryBytes = settings.Options.MemoryBytes };
        using var session = new MaskSession(model, data, evaluation, settings.Examples, seed: 0);
        using var passes = new PlainPasses(model, data);
        var training = new MatryoshkaTraining(new double[model.Graph.Edges], Rate, new Random64(1));
        var edges = model.Graph.AllEdges.Select(e => e.Index).ToArray();
        var (masks, ofMasks, gradient) = (new float[model.Graph.Pairs], new double[model.Graph.Pairs], new double[edges.Length]);
        var times = Timings.InTurn(settings.Runs, Train, passes.Run);
        return new() { Settings = settings, Device = device.Name, Step = times[0], Plain = times[1] };

        double Train()
        {
            training.Open();
            for (var i = 0; i < edges.Length; i++) masks[edges[i]] = (float)training.Masks[i];
            var metric = session.Run(0, masks, ofMasks);
            for (var i = 0; i < edges.Length; i++) gradient[i] = ofMasks[edges[i]];
            training.Move(gradient);
            return metric;
        }
    }

    /// <summary>The result as JSON.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteNumber("seconds", Step.Median);
        json.WriteNumber("seconds_min", Step.Least);
        json.WriteNumber("plain_seconds", Plain.Median);
        json.WriteNumber("ratio", Ratio);
        json.WriteNumber("examples", Settings.Examples);
        json.WriteNumber("tokens", Settings.Tokens);
        json.WriteNumber("first_difference", Settings.FirstDifference);
        json.WriteNumber("peak_memory_bytes", PeakMemory.Bytes());
        json.WriteNumber("runs", Settings.Runs);
        json.WriteString("shape", Settings.Shape);
        json.WriteString("device", Device);
    }

    /// <summary>The result for people.</summary>
    public void Print(CommandContext context)
    {
        var table = new TextTable($"masks on {Settings.Shape}, {Settings.Examples} × {Settings.Tokens} tokens, {Device}", "");
        table.Add("seconds of a step (median, fastest, slowest)", $"{Step.Median:0.000}, {Step.Least:0.000}, {Step.Most:0.000} of {Settings.Runs} runs");
        table.Add("seconds of a plain forward and backward pass", $"{Plain.Median:0.000}, {Plain.Least:0.000}, {Plain.Most:0.000}");
        table.Add("ratio", $"{Ratio:0.00}");
        table.Add("peak memory", $"{PeakMemory.Bytes() / (double)(1 << 20):#,0} MiB");
        table.Write(context);
    }

    /// <summary>The passes that gradients cannot be had without, over the clean prompts.</summary>
    private sealed class PlainPasses : IDisposable
    {
        private static readonly GradientHooks Nobody = new([]);
        private readonly Transformer model;
        private readonly DeviceBuffer memory;
        private readonly BatchInputs inputs;
        private readonly MetricHead metric;
        private readonly Tensor values;
        private readonly Activations activations;
        private readonly BackwardBuffers backward;

        public PlainPasses(Transformer model, PromptSet data)
        {
            this.model = model;
            var batch = new Batch(model.Config, [.. data], sharePrefixes: true);
            var size = Arena.Measuring();
            _ = Lay(size, measuring: true);
            memory = model.Device.Allocate(size.Peak);
            (inputs, metric, values, activations, backward) = Lay(new Arena(memory), measuring: false);

            (BatchInputs, MetricHead, Tensor, Activations, BackwardBuffers) Lay(Arena arena, bool measuring)
            {
                var rows = new Rows(model.Config.Layers, batch.Rows, batch.Sequences);
                return (new(model, arena, measuring, batch, null), new(model, arena, measuring, batch.Examples, MetricKind.LogitDifference, 1, gradient: true),
                    arena.Matrix(batch.Sequences, 1), new(arena, model.Config, rows), new(arena, model.Config, rows, GradientRule.Derivative));
            }
        }

        public double Run()
        {
            inputs.Start(inputs.Clean, activations);
            ForwardPass.Run(model, inputs.Layout, inputs.Prefix, activations);
            metric.Run(activations.Final, values, backward.Final);
            BackwardPass.Run(model, inputs.Layout, inputs.Prefix, activations, backward, Nobody);
            var read = new float[values.Rows];
            model.Device.Download(values, read);
            return read.Average();
        }

        public void Dispose() => memory.Dispose();
    }
}
