using System.CommandLine;
using System.Globalization;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Compatibility;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Cli;

/// <summary>The options that say how edges are scored.</summary>
/// <param name="searches">True for a command that can look for the number of steps and take a compatibility mode.</param>
internal sealed class MethodOptions(bool searches)
{
    private const int MostSteps = 10_000;
    private const string Auto = "auto", Off = "off";

    private static readonly AttributionMethod[] Training = [.. AttributionMethods.All.Where(m => m.DefaultTrainSteps is not null)];
    private static readonly string Trained = string.Join(" or ", Training.Select(m => m.Name));

    /// <summary>What --steps says of itself.</summary>
    public static string StepsText { get; } = "steps of the path integral; unless given "
        + string.Join(", ", AttributionMethods.All.Where(m => m.DefaultSteps is not null).GroupBy(m => m.DefaultSteps).Select(g => $"{g.Key} with {string.Join(", ", g.Select(m => m.Name))}"));

    private readonly ChoiceOption method = new("--method", "how edges are scored", "eap-ig", AttributionMethods.All.Select(m => m.Name));
    private readonly Option<int?> steps = OptionKinds.IntegerOr(searches ? Auto : null, "--steps",
        searches ? $"{StepsText}; auto: doubled until scores are complete and the best edges settled" : StepsText, 1, MostSteps);
    private readonly ChoiceOption rule = new("--rule", searches ? "rule of the path integral (gauss-legendre with --steps auto)" : "rule of the path integral", "left", IntegrationRules.Names);
    private readonly Option<string?> rules = OptionKinds.Optional("--rules", "rule,…", $"how gradients go back, in place of the method's own way ({GradientRules.Summary}), or none");
    private readonly Option<double?> tolerance = OptionKinds.OptionalNumber("--tolerance", "X", "with --steps auto: largest completeness gap and change of the best edges (nodes, neurons); 0.01 unless given", x => x is > 0 and < 1, "a number between 0 and 1");
    private readonly Option<int?> mostSteps = OptionKinds.OptionalInteger("--most-steps", "with --steps auto: no more steps than these; 128 unless given", 1, MostSteps);
    private readonly Option<double[]> thresholds = OptionKinds.OptionalRisingNumbers("--thresholds", "with --method acdc: how far the loss may rise when an edge goes; 1/1024, 1/256, 1/64, 1/16 and 1/4 of what separates clean and corrupted unless given");
    private readonly Option<int?> trainSteps = OptionKinds.OptionalInteger("--train-steps", $"with --method {Trained}: steps of training; unless given {Unless(m => m.DefaultTrainSteps)}", 1, 1_000_000);
    private readonly Option<double?> learningRate = OptionKinds.OptionalNumber("--learning-rate", "X", $"with --method {Trained}: how far a step goes; unless given {Unless(m => m.DefaultLearningRate)}", x => x is > 0 and <= 100, "a number above 0, at most 100");
    private readonly Option<double?> targetShare = OptionKinds.OptionalNumber("--target-share", "X", FormattableString.Invariant($"with --method edge-pruning: the share of edges (nodes) to which it prunes; {EdgePruningMethod.DefaultTargetShare} unless given"), x => x is > 0 and < 1, "a number between 0 and 1");
    private readonly PathOption warmStart = new("--warm-start", PathRole.Input, $"with --method {Trained}: start from the ranking of these scores, as written by faith attribute");
    private readonly Option<int?> seed = OptionKinds.OptionalInteger("--seed", $"with --method {Trained}: what training draws at random; 0 unless given", 0, int.MaxValue);
    private readonly PathOption checkpoint = new("--checkpoint", PathRole.Output, $"with --method {Trained}: where training leaves what it needs to go on; a run that was stopped goes on from there when it is started again");
    private readonly Option<int?> checkpointEvery = OptionKinds.OptionalInteger("--checkpoint-every", $"with --checkpoint: steps from one writing to the next; {TrainingCheckpoint.UsualEvery} unless given", 1, 1_000_000);
    private readonly ChoiceOption positions = new("--positions", "score edges at every span of the prompts that the data name, or at every token, and between these; off: over whole prompts", Off, [Off, .. PositionKinds.Names]);
    private readonly Option<string?> compat = CompatibilityOption.Create();
    private readonly Option<int?> compatBatch = OptionKinds.OptionalInteger("--compat-batch", "with --compat eap-ig: the batch size of the library's run, on which its scores depend; 1 unless given", 1, 1_000_000);

    /// <summary>The method, for commands that treat one of them in a way of its own.</summary>
    public ChoiceOption Method => method;

    /// <summary>How positions are told apart; null: they are not.</summary>
    public PositionKind? Positions(ParseResult parse) => searches && parse.GetRequiredValue(positions) is var name && name != Off ? PositionKinds.Parse(name) : null;

    /// <summary>Adds the options to a command.</summary>
    public void AddTo(Command command)
    {
        command.Add(method);
        command.Add(steps);
        command.Add(rule);
        command.Add(rules);
        if (!searches) return;
        foreach (var option in (Option[])[tolerance, mostSteps, thresholds, trainSteps, learningRate, targetShare, warmStart, seed, checkpoint, checkpointEvery, positions, compat, compatBatch]) command.Add(option);
        command.Validators.Add(result =>
        {
            var auto = result.GetResult(steps)?.Tokens is [var count] && KnownNames.Find(count.Value, [Auto]) is not null;
            var mode = CompatibilityOption.Given(result, compat);
            if (!auto && (result.GetResult(tolerance) is not null || result.GetResult(mostSteps) is not null)) result.AddError("--tolerance and --most-steps need --steps auto");
            if (result.GetResult(thresholds) is not null && method.In(result) is not (null or "acdc")) result.AddError("--thresholds needs --method acdc");
            foreach (var option in (Option[])[trainSteps, learningRate, warmStart, seed, checkpoint])
                if (result.GetResult(option) is not null && Training.All(m => m.Name != method.In(result))) result.AddError($"{option.Name} needs --method {Trained}");
            if (result.GetResult(targetShare) is not null && method.In(result) is not "edge-pruning") result.AddError("--target-share needs --method edge-pruning");
            if (result.GetResult(checkpointEvery) is not null && result.GetResult(checkpoint) is null) result.AddError("--checkpoint-every needs --checkpoint FILE");
            if (positions.In(result) is not (null or Off) && mode is not null) result.AddError($"--compat {mode} tells no positions apart; leave --positions out");
            if (auto && mode is not null) result.AddError($"--compat {mode} needs a number of steps; auto is of no other source");
            if (mode is not null && result.GetResult(rules) is not null) result.AddError($"--compat {mode} goes back by the derivative; leave --rules out");
            if (mode is not null && result.GetResult(rule) is { Implicit: false }) result.AddError($"--compat {mode} has a rule of its own; leave --rule out");
            if (result.GetResult(compatBatch) is not null && !CompatibilityMode.All.Any(m => m.Name == mode && m.AddsByBatch)) result.AddError("--compat-batch needs --compat eap-ig");
        });
    }

    private static string Unless<T>(Func<AttributionMethod, T> value) => string.Join(", ", Training.Select(m => FormattableString.Invariant($"{value(m)} with {m.Name}")));

    /// <summary>The options of a run with a number of steps.</summary>
    public AttributionOptions Read(ParseResult parse, EvaluationOptions measure)
    {
        var count = parse.GetValue(steps);
        // Steps that are to be found are best found with the rule that needs fewest.
        var name = count == 0 && parse.GetResult(rule) is not { Implicit: false } ? IntegrationRule.GaussLegendre.Name() : parse.GetRequiredValue(rule);
        return new()
        {
            Method = parse.GetRequiredValue(method),
            Steps = count == 0 ? null : count,
            Rules = parse.GetValue(rules) is { } names ? GradientRules.Parse(names) : null,
            Rule = IntegrationRules.Parse(name),
            Metric = measure.Metric,
            Positions = Positions(parse),
            Thresholds = parse.GetValue(thresholds) is { Length: > 0 } rising ? rising : null,
            TrainSteps = parse.GetValue(trainSteps),
            TargetShare = parse.GetValue(targetShare),
            LearningRate = parse.GetValue(learningRate),
            Seed = parse.GetValue(seed) ?? 0,
            Ablation = measure.Ablation,
            AblationData = measure.AblationData,
            MemoryBytes = measure.MemoryBytes,
        };
    }

    /// <summary>The scores that training starts from, or none.</summary>
    /// <exception cref="InputException">The file has no scores, or those of another model's graph.</exception>
    public EdgeScores? WarmStart(ParseResult parse, LoadedModel model) => parse.GetValue(warmStart) is not { } path ? null
        : CircuitFile.Read(path, model).Scores ?? throw new InputException($"{path}: the edges have no scores to start from");

    /// <summary>Where training leaves what it needs to go on, or none.</summary>
    /// <param name="parse">The arguments.</param>
    /// <param name="identity">What the run is (<see cref="TrainingIdentity"/>).</param>
    /// <param name="note">Is told that a run goes on.</param>
    public TrainingCheckpoint? Checkpoint(ParseResult parse, Func<string> identity, Action<string> note) => parse.GetValue(checkpoint) is not { } path ? null
        : new() { Path = path, Identity = identity(), Every = parse.GetValue(checkpointEvery) ?? TrainingCheckpoint.UsualEvery, Resumed = step => note($"{path}: going on after {step} steps") };

    /// <summary>Says, once a run is done, which of the options did nothing in it.</summary>
    public void NoteWhatDidNothing(CommandContext context, ParseResult parse, AttributionOptions options)
    {
        bool IsGiven(Option option) => parse.GetResult(option) is { Implicit: false };
        var method = AttributionMethods.Find(options.Method);
        var used = method.Rule(options);
        if (method.DefaultSteps is null && IsGiven(steps)) context.Note($"--steps does nothing with --method {options.Method}, which has none");
        if (used != options.Rule && IsGiven(rule)) context.Note($"--rule does nothing with --method {options.Method}, {(used is { } own ? $"which takes {own.Name()}" : method.DefaultSteps is null ? "which has none" : "at a single step")}");
    }

    /// <summary>Runs what was asked for.</summary>
    /// <exception cref="InputException">The method has no steps to be found, or the compatibility mode does not do this.</exception>
    public MethodRun Run(ParseResult parse, TransformerSet models, IReadOnlyList<Example> data, AttributionOptions options, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        var settings = new SortedDictionary<string, string>(StringComparer.Ordinal);
        if (CompatibilityOption.Read(parse, compat) is { } mode)
        {
            var batch = parse.GetValue(compatBatch) ?? 1;
            settings["compat"] = mode.Name;
            if (mode.AddsByBatch) settings["compat_batch"] = batch.ToString(CultureInfo.InvariantCulture);
            return new(mode.Run(models, data, options, batch, progress, cancellation), mode.Apply(options), null, settings);
        }
        if (parse.GetValue(warmStart) is { } start) settings["warm_start"] = Path.GetFileName(start);
        if (options.Thresholds is { } given) settings["thresholds"] = string.Join(',', given.Select(t => t.ToString("R", CultureInfo.InvariantCulture)));
        if (parse.GetValue(steps) != 0) return new(Attributor.Run(models, data, options, progress, cancellation), options, null, settings);
        var limits = new ConvergenceOptions();
        limits = limits with { Tolerance = parse.GetValue(tolerance) ?? limits.Tolerance, MostSteps = parse.GetValue(mostSteps) ?? limits.MostSteps };
        var run = ConvergentRun.Run(models, data, options, limits, progress, cancellation);
        settings["steps_auto"] = run.Converged ? "converged" : "not converged";
        settings["steps_tolerance"] = limits.Tolerance.ToString("R", CultureInfo.InvariantCulture);
        return new(run.Result, run.Options, run, settings);
    }
}
