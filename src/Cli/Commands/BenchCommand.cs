using System.CommandLine;
using Faith.Cli.Benchmarks;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Models;
using Faith.Engine.Reports;
using Faith.Kernels;

namespace Faith.Cli.Commands;

/// <summary>`faith bench`: time and memory on models of known shapes with random weights.</summary>
internal static class BenchCommand
{
    private const int LeastRuns = 5;
    private const int DefaultRows = 640;

    public static Command Create(CommandContext context)
    {
        var shape = OptionKinds.Required("--shape", "shape", $"the model: {string.Join(", ", RandomWeights.Shapes)}");
        var what = new ChoiceOption("--what", "what is timed: edge scores, a curve of circuits, a step of trained masks, how the time grows, or every operation against the ceilings of the device", "attribute", ["attribute", "evaluate", "masks", "growth", "operations"]);
        var method = new ChoiceOption("--method", "how edges are scored", "eap-ig", AttributionMethods.All.Select(m => m.Name));
        var steps = OptionKinds.OptionalInteger("--steps", MethodOptions.StepsText, 1, 10_000);
        var examples = OptionKinds.Integer("--examples", "random examples", 20, 1, 1_000_000);
        var tokens = OptionKinds.Integer("--tokens", "tokens of each example", 16, 2, 1_000_000);
        var rows = OptionKinds.OptionalInteger("--rows", $"with --what operations: rows of a pass; {DefaultRows} unless given", 1, 1_000_000);
        var layers = OptionKinds.OptionalInteger("--layers", "layers of the model, for a part of a large one; the shape's own unless given", 1, 1000);
        var first = OptionKinds.OptionalNumber("--first-difference", "share", "the share of the prompt before the first differing token; 0 (the default): every position can differ",
            value => value is >= 0 and < 1, "a number from 0 to below 1");
        var bf16 = new Option<bool>("--bf16") { Description = "hold the weights in bfloat16, whatever the shape's own precision" };
        var runs = OptionKinds.Integer("--runs", "timed runs after one warm-up", LeastRuns, LeastRuns, 1000);
        var json = new PathOption("--json", PathRole.Output, "the result");
        var plot = new PlotOption("with --what growth: the plot");
        var device = new DeviceOptions(context);
        var command = new FaithCommand("bench", "Times a method on a model of a known shape with random weights.",
            "faith bench --shape gpt2", "faith bench --shape gpt2 --first-difference 0.667 --json bench.json",
            "faith bench --shape gpt2 --what evaluate --examples 100", "faith bench --shape gpt2 --what masks --examples 16",
            "faith bench --shape stories15m --what growth --plot growth.svg", "faith bench --shape gpt2 --what operations --device cuda")
        { shape, what, method, steps, examples, tokens, rows, layers, first, bf16, runs, json, plot };
        device.AddTo(command);
        command.Validators.Add(result =>
        {
            var chosen = what.In(result);
            if (result.GetResult(plot) is not null && chosen is not (null or "growth")) result.AddError("--plot needs --what growth");
            if (result.GetResult(rows) is not null && chosen is not (null or "operations")) result.AddError("--rows needs --what operations");
            if (result.GetResult(layers) is not null && chosen == "growth") result.AddError("--what growth varies the layers; leave --layers out");
            if (result.GetResult(method) is { Implicit: false } && chosen == "operations") result.AddError("--what operations times eap and eap-ig; leave --method out");
        });
        command.SetAction(parse =>
        {
            var choice = device.Read(parse);
            if (choice.Validate) throw new InputException("--validate is of no use with bench, which takes times; it goes with attribute, evaluate and the other commands");
            var settings = new BenchSettings
            {
                Shape = parse.GetRequiredValue(shape),
                Precision = parse.GetValue(bf16) ? WeightPrecision.BFloat16 : null,
                Layers = parse.GetValue(layers),
                Options = new() { Method = parse.GetRequiredValue(method), Steps = parse.GetValue(steps), MemoryBytes = choice.MemoryBytes },
                Examples = parse.GetValue(examples),
                Tokens = parse.GetValue(tokens),
                Rows = parse.GetValue(rows) ?? DefaultRows,
                FirstDifference = parse.GetValue(first) ?? 0,
                Runs = parse.GetValue(runs),
            };
            using (var weights = settings.Weights())
            {
                if (settings.Tokens > weights.Config.Context) throw new InputException($"--tokens {settings.Tokens}: the context of {settings.Shape} holds {weights.Config.Context}");
            }
            Run(context, choice, settings, parse.GetRequiredValue(what), parse.GetValue(json), parse.GetValue(plot));
        });
        return command;
    }

    private static void Run(CommandContext context, DeviceChoice choice, BenchSettings settings, string what, string? json, string? plot)
    {
        var threads = choice.Threads == 0 ? Environment.ProcessorCount : choice.Threads;
        if (what == "attribute")
        {
            var devices = choice.OpenAll();
            try
            {
                var result = AttributionBench.Run(devices, settings, threads, context.Cancellation);
                if (json is not null) JsonFile.Write(json, result.WriteJson);
                result.Print(context);
            }
            finally
            {
                foreach (var each in devices) each.Dispose();
            }
            return;
        }
        using var device = choice.Open();
        if (what == "growth")
        {
            var growth = GrowthBench.Run(device, settings, context.Cancellation);
            Output[] numbers = json is null ? [] : [JsonFile.ToOutput(json, growth.WriteJson)], picture = plot is null ? [] : [PictureFile.ToOutput(plot, growth.ToSvg())];
            OutputFile.WriteTogether([.. numbers, .. picture]);
            growth.Print(context);
        }
        else if (what == "evaluate")
        {
            var curve = CircuitBench.Run(device, settings, context.Cancellation);
            if (json is not null) JsonFile.Write(json, curve.WriteJson);
            curve.Print(context);
        }
        else if (what == "masks")
        {
            var masks = MaskBench.Run(device, settings);
            if (json is not null) JsonFile.Write(json, masks.WriteJson);
            masks.Print(context);
        }
        else
        {
            var operations = OperationBench.Run(device, settings, threads, context.Cancellation);
            if (json is not null) JsonFile.Write(json, operations.WriteJson);
            operations.Print(context);
        }
    }
}
