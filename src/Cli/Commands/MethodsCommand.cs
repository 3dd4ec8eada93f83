using System.CommandLine;
using System.Globalization;
using Faith.Cli.Benchmarks;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.KnownCircuits;
using Faith.Engine.Passes;

namespace Faith.Cli.Commands;

/// <summary>`faith methods`: the ways to score edges, what they cost and how well they find a circuit that is known.</summary>
internal static class MethodsCommand
{
    private const int KnownExamples = 20;

    public static Command Create(CommandContext context)
    {
        var device = new DeviceOptions(context);
        var reading = new ReadingOptions(context);
        var measure = new Option<bool>("--measure") { Description = "time every method in one run and compare with EAP" };
        var known = new Option<bool>("--known") { Description = "score a model whose circuit was written into its weights: AUROC of |score| for every method" };
        var model = new PathOption("--model", PathRole.Model, "with --measure: a directory in Hugging Face layout, or the name of a shipped model or of a repository in the cache (faith pull)") { DefaultValueFactory = _ => "tasks-4l" };
        var data = new PathOption("--data", PathRole.Data, "with --measure: a JSONL, CSV or Parquet file, or the name of a built-in task") { DefaultValueFactory = _ => "ioi" };
        var examples = OptionKinds.Integer("--examples", "with --measure: how many examples", 10, 1, 1_000_000);
        var steps = OptionKinds.Integer("--steps", "steps of the methods that take several unless told otherwise", 5, 1, 10_000);
        var rounds = OptionKinds.Integer("--rounds", "with --measure: the median of N runs after a warm-up", 3, 1, 1000);
        var slow = new Option<bool>("--slow") { Description = "with --measure: acdc, mattr and edge-pruning too, which can take minutes" };
        var command = new FaithCommand("methods", "The methods: lists them, measures their cost, tries them on a known circuit.",
            "faith methods", "faith methods --measure --examples 10", "faith methods --known --steps 20")
        { measure, known, model, data, examples, steps, rounds, slow };
        reading.AddTo(command);
        device.AddTo(command);
        command.SetAction(parse =>
        {
            if (parse.GetValue(measure))
            {
                using var loaded = reading.LoadModel(parse, parse.GetRequiredValue(model));
                var asked = reading.Specification(parse, parse.GetRequiredValue(model)) with { Data = parse.GetRequiredValue(data), Examples = parse.GetValue(examples), Scoring = new() { Steps = parse.GetValue(steps) } };
                var (choice, run) = (device.Read(parse), LoadedRun.Load(asked, loaded, context.Note, context.Cancellation));
                var transformer = loaded.On(choice);
                var methods = AttributionMethods.All.Where(m => m is not { Name: "acdc" } and { DefaultTrainSteps: null } || parse.GetValue(slow)).ToArray();
                DataSummary.Write(context, loaded, transformer, run.Data);
                Measure(context, run, choice, methods, parse.GetValue(rounds));
            }
            if (parse.GetValue(known)) Known(context, device.Read(parse), parse.GetValue(steps));
            if (!parse.GetValue(measure) && !parse.GetValue(known)) List(context);
        });
        return command;
    }

    /// <summary>Methods that take one step by themselves are not given others here.</summary>
    private static AttributionOptions Options(AttributionMethod method, int steps) => new() { Method = method.Name, Steps = method.DefaultSteps > 1 ? steps : null };

    private static void List(CommandContext context)
    {
        var table = new TextTable("method", "what it computes");
        foreach (var method in AttributionMethods.All) table.Add(method.Name, method.Summary);
        table.Write(context);
    }

    private static void Measure(CommandContext context, LoadedRun run, DeviceChoice choice, AttributionMethod[] methods, int rounds)
    {
        var times = Timings.InTurn(rounds, [.. methods.Select<AttributionMethod, Func<double>>(m => () =>
        {
            context.Cancellation.ThrowIfCancellationRequested();
            return run.By(m.Name).Score(choice, null, context.Cancellation).Seconds;
        })]);
        var reference = times[Array.FindIndex(methods, m => m.Name == "eap")].Median;
        context.Output.WriteLine($"{run.Model.Name}, {run.Data.Count} examples of {run.Data.Name}, {run.Specification.Scoring.Steps} steps; {run.Model.On(choice).Device.Name} on {MachineName.Text}; median of {rounds}");
        var table = new TextTable("method", ">seconds", ">times EAP");
        for (var i = 0; i < methods.Length; i++)
        {
            table.Add(methods[i].Name, times[i].Median.ToString("0.000", CultureInfo.InvariantCulture), (times[i].Median / reference).ToString("0.0", CultureInfo.InvariantCulture));
        }
        table.Write(context);
    }

    private static void Known(CommandContext context, DeviceChoice choice, int steps)
    {
        using var opened = choice.Open();
        using var model = new Transformer(opened, InductionModel.Create().Weights);
        var data = InductionModel.Examples(KnownExamples, seed: 0);
        var circuit = InductionModel.Circuit;
        context.Output.WriteLine($"induction model: {circuit.EdgeCount} of {circuit.Graph.Edges} edges carry the behaviour; {KnownExamples} examples, {steps} steps");
        var table = new TextTable("method", ">AUROC", $">of the best {circuit.EdgeCount}");
        foreach (var method in AttributionMethods.All)
        {
            var options = Options(method, steps);
            var result = Attributor.Run(model, data, options, null, context.Cancellation);
            if (ScoreDoubt.Of(options, model.Config.Norm, circuit.Graph, result.CompletenessGap) is { } doubt) context.Note($"{method.Name}: {doubt}");
            var scores = result.Scores;
            var found = CircuitComparison.Edges(CircuitSelection.Top(scores, circuit.EdgeCount, signed: false, prune: false), circuit).Shared;
            table.Add(method.Name, Figures.Fixed(Auroc.Of(scores, circuit), 3), $"{found}");
        }
        table.Write(context);
    }
}
