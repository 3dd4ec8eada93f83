using System.CommandLine;
using System.Globalization;
using Faith.Cli.Benchmarks;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Planning;
using Faith.Engine.Tasks;
using Faith.Kernels;

namespace Faith.Cli.Commands;

/// <summary>`faith plan`: what a run will need, here and on devices that are not here.</summary>
internal static class PlanCommand
{
    private const double Mebibyte = 1 << 20, Giga = 1e9;
    private const long Gibibyte = 1L << 30;
    private const long LargestDevice = 1 << 20;
    private static readonly int[] Cards = [24, 48, 80];

    public static Command Create(CommandContext context)
    {
        var model = new PathOption("--model", PathRole.Model, "a directory in Hugging Face layout, or the name of a shipped model or of a repository in the cache (faith pull)");
        var shape = OptionKinds.Optional("--shape", "shape", $"a known shape instead: {string.Join(", ", RandomWeights.Shapes)}");
        var data = new PathOption("--data", PathRole.Data, "a JSONL, CSV or Parquet file, or the name of a built-in task; random prompts unless given");
        var reading = new ReadingOptions(context);
        var examples = OptionKinds.OptionalInteger("--examples", "how many examples; 100 unless given, of a file all", 1, 1_000_000);
        var tokens = OptionKinds.Integer("--tokens", "tokens of a random prompt", 16, 2, 1_000_000);
        var first = OptionKinds.OptionalNumber("--first-difference", "share", "the share of a random prompt before the first differing token; 0 unless given", value => value is >= 0 and < 1, "a number from 0 to below 1");
        var method = new ChoiceOption("--method", "how edges are scored", "eap-ig", RunPlanner.Methods);
        var steps = OptionKinds.OptionalInteger("--steps", MethodOptions.StepsText, 1, 10_000);
        var metric = new ChoiceOption("--metric", "what is measured", "logit-diff", MetricKinds.Names);
        var memory = OptionKinds.OptionalNumber("--memory", "GiB", "most memory for activations", value => value is > 0 and <= 1 << 20, "a number of GiB above 0");
        var device = OptionKinds.Optional("--device", "cpu|GiB,…", "cpu, or the GiB of a GPU's memory; several with commas; unless given the CPU and GPUs of 24, 48 and 80 GiB");
        var command = new FaithCommand("plan", "What a run will need: memory for the model and for activations, micro-batches and operations.",
            "faith plan --shape llama-8b --examples 100 --tokens 32", "faith plan --model tasks-4l --data ioi --device cpu", "faith plan --shape gpt2-xl --device 24,80 --memory 2")
        { model, shape, data, examples, tokens, first, method, steps, metric, memory, device };
        reading.AddTo(command);
        command.Validators.Add(result =>
        {
            if ((result.GetResult(model) is null) == (result.GetResult(shape) is null)) result.AddError("give either --model M or --shape S");
            if (result.GetResult(data) is not null && result.GetResult(shape) is not null) result.AddError("--data needs --model; a shape takes random prompts");
            if (result.GetResult(data) is not null && ((Option[])[tokens, first]).FirstOrDefault(option => result.GetResult(option) is { Implicit: false }) is { } random) result.AddError($"{random.Name} is of random prompts, and --data has its own; leave one of them out");
        });
        command.SetAction(parse =>
        {
            var options = new AttributionOptions
            {
                Method = parse.GetRequiredValue(method), Steps = parse.GetValue(steps), Metric = MetricKinds.Parse(parse.GetRequiredValue(metric)),
                MemoryBytes = parse.GetValue(memory) is { } gib ? (long)(gib * Gibibyte) : null,
            };
            var devices = DevicesOf(parse.GetValue(device));
            PromptSet Prompts(ModelConfig config) => parse.GetValue(tokens) <= config.Context
                ? RandomPrompts.Create(config, parse.GetValue(examples) ?? TaskPrompts.DefaultCount, parse.GetValue(tokens), parse.GetValue(first) ?? 0)
                : throw new InputException($"--tokens {parse.GetValue(tokens)}: the model's context holds {config.Context}");
            if (parse.GetValue(shape) is { } name)
            {
                using var weights = RandomWeights.Create(name);
                Print(context, name, weights, Prompts(weights.Config), options, devices);
                return;
            }
            using var loaded = reading.LoadModel(parse, parse.GetValue(model)!);
            if (parse.GetValue(data) is { } file)
            {
                var given = reading.LoadData(parse, loaded, file, parse.GetValue(examples));
                Print(context, loaded.Name, loaded.Weights, given, options, devices);
                DataSummary.Write(context, loaded, given);
                return;
            }
            Print(context, loaded.Name, loaded.Weights, Prompts(loaded.Config), options, devices);
        });
        return command;
    }

    private static void Print(CommandContext context, string name, ModelWeights weights, PromptSet data, AttributionOptions options, List<PlanningDevice> devices)
    {
        var table = new TextTable("device", ">model MiB", ">micro-batches", ">examples", ">rows", ">MiB", ">of at most", ">scratch MiB", ">GB of weights read");
        RunPlan? any = null;
        var refusals = new List<string>();
        foreach (var device in devices)
        {
            using (device)
            {
                try
                {
                    var plan = any = RunPlanner.Plan(device, weights, data, options);
                    table.Add(device.Name, Mib(plan.WeightBytes), $"{plan.MicroBatches}", $"{plan.ExamplesOfBatch}", $"{plan.RowsOfBatch}", Mib(plan.WorkspaceBytes), Mib(plan.Budget),
                        plan.ScratchBytes == 0 ? "" : Mib(plan.ScratchBytes), (plan.WeightBytesRead / Giga).ToString("#,0", CultureInfo.InvariantCulture));
                }
                catch (InputException e)
                {
                    var message = LeastMemory(device, weights, data, options) is { } gib ? $"{e.Message}; {gib:N0} GiB would do" : e.Message;
                    // Of several devices some may be too small; of one, that is the answer.
                    if (devices.Count == 1) throw new InputException(message, e);
                    table.Add(device.Name, "does not fit", "", "", "", "", "", "", "");
                    refusals.Add(message);
                }
            }
        }
        if (any is null) throw new InputException($"{name} fits none of these devices; of the last: {refusals[^1]}");
        foreach (var refusal in refusals) context.Note(refusal);
        context.Output.WriteLine($"{options.Method} on {name}, {data.Count} examples of {data.Name}, at most {data.Max(e => e.Clean.Length)} tokens");
        table.Write(context);
        if (any.Flops is { } flops) context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"floor: {flops / Giga:#,0.0} GFLOP, and the weights read from memory"));
    }

    /// <summary>The whole GiB from which on a device of this kind can make the run; null where more memory does not help.</summary>
    private static long? LeastMemory(PlanningDevice device, ModelWeights weights, PromptSet data, AttributionOptions options)
    {
        bool Fits(long gib)
        {
            using var larger = device.IsHost ? PlanningDevice.Host(gib * Gibibyte) : Card(gib);
            try
            {
                _ = RunPlanner.Plan(larger, weights, data, options);
                return true;
            }
            catch (InputException)
            {
                return false;
            }
        }
        var (tooLittle, enough) = (0L, Math.Max(1, device.FreeMemory / Gibibyte));
        for (; !Fits(enough); enough *= 2)
        {
            if (enough > LargestDevice) return null;
            tooLittle = enough;
        }
        while (enough - tooLittle > 1)
        {
            var middle = (tooLittle + enough) / 2;
            if (Fits(middle)) enough = middle;
            else tooLittle = middle;
        }
        return enough;
    }

    private static List<PlanningDevice> DevicesOf(string? name) =>
        name is null ? [Host(), .. Cards.Select(c => Card(c))] : [.. name.Split(',').Select(one =>
            KnownNames.Find(one, ["cpu"]) is not null ? Host() : double.TryParse(one, NumberStyles.Float, CultureInfo.InvariantCulture, out var gib) && gib is > 0 and <= LargestDevice ? Card(gib)
            : throw new InputException($"--device must be cpu or the GiB of a GPU's memory, not {one}"))];

    private static PlanningDevice Host()
    {
        using var here = Devices.Open("cpu");
        return PlanningDevice.Host(here.FreeMemory);
    }

    private static PlanningDevice Card(double gib) => PlanningDevice.Gpu(string.Create(CultureInfo.InvariantCulture, $"GPU of {gib:0.#} GiB"), (long)(gib * Gibibyte));

    private static string Mib(long bytes) => (bytes / Mebibyte).ToString("#,0", CultureInfo.InvariantCulture);
}
