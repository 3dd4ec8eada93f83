using System.Globalization;
using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Experiments;

/// <summary>The parts of a <see cref="RunSpecification"/> in one table. A new one is a row; studies, manifests, records and identities then have it.</summary>
public static class RunSettings
{
    /// <summary>The name of the setting on whose value the others depend.</summary>
    public const string Method = "method";
    /// <summary>The sizes of circuits: within a run, not one run each.</summary>
    public const string Edges = "edges";
    private const int Million = 1_000_000, MostSteps = 10_000, MostSizes = 1000;
    private const string Auto = "auto", Off = "off";
    // Before the table, which reads them.
    private static readonly string[] Truths = ["true", "false"], AnswerTokens = ["one", "first"];

    /// <summary>Every setting.</summary>
    public static IReadOnlyList<RunSetting> All { get; } =
    [
        new("model", "models", s => s.Model, (s, text) => s with { Model = Name("model", text) }) { Field = run => run.Model },
        new("bos", "bos", s => s.Begin == BeginTokenUse.AsFilesSay ? Auto : Truths[s.Begin == BeginTokenUse.Prepend ? 0 : 1], (s, text) => s with { Begin = Begin(text) }) { Unsaid = Auto },
        new("data", "data", s => s.Data, (s, text) => s with { Data = Name("data", text) }) { Field = run => run.Data },
        new("answer-tokens", "answer-tokens", s => AnswerTokens[s.Format.FirstTokens ? 1 : 0], (s, text) => s with { Format = s.Format with { FirstTokens = Known("answer-tokens", text, AnswerTokens) == AnswerTokens[1] } }) { Unsaid = AnswerTokens[0] },
        new("columns", "columns", s => s.Format.Columns?.ToString(), (s, text) => s with { Format = s.Format with { Columns = PromptColumns.Parse(text) } }),
        new("examples", "examples", s => Text(s.Examples), (s, text) => s with { Examples = Integer("examples", text, 1, Million) }) { Kind = SettingKind.Whole, Field = run => Text(run.Examples) },
        new("held-out", "held-out", s => Text(s.HeldOut), (s, text) => s with { HeldOut = Integer("held-out", text, 1, Million) }) { Kind = SettingKind.Whole },
        new("seed", "seeds", s => Text(s.Seed), (s, text) => s with { Seed = Integer("seed", text, 0, int.MaxValue) }) { Kind = SettingKind.Whole, Unsaid = "0" },
        new("metric", "metrics", s => s.Scoring.Metric.Name(), (s, text) => With(s, o => o with { Metric = MetricKinds.Parse(Known("metric", text, MetricKinds.Names)) })) { Field = run => run.Metric },
        new("ablation", "ablations", s => s.Scoring.Ablation.Name(), (s, text) => With(s, o => o with { Ablation = AblationNames.Parse(Known("ablation", text, AblationNames.All)) })) { Field = run => run.Ablation },
        new("ablation-data", "ablation-data", s => s.AblationData, (s, text) => s with { AblationData = Name("ablation-data", text) }),
        new(Method, "methods", s => s.Scoring.Method, (s, text) => With(s, o => o with { Method = Known(Method, text, [.. AttributionMethods.All.Select(m => m.Name)]) })) { Field = run => run.Method },
        new("steps", "steps", s => Rule(s) is null ? null : Text(MethodOf(s).StepsOf(s.Scoring)), (s, text) => With(s, o => o with { Steps = Integer("steps", text, 1, MostSteps) })) { Kind = SettingKind.Whole, Field = run => Text(run.Steps) },
        new("rule", "rules", s => Rule(s)?.Name(), (s, text) => With(s, o => o with { Rule = IntegrationRules.Parse(Known("rule", text, IntegrationRules.Names)) })) { Field = run => run.Rule },
        new("backward-rules", "backward-rules", s => MethodOf(s).TakesRules ? s.Scoring.Rules?.Name() : null, (s, text) => With(s, o => o with { Rules = GradientRules.Parse(text) })) { RecordName = "rules" },
        new("thresholds", "thresholds", s => s.Scoring is { Method: "acdc", Thresholds: { } given } ? string.Join(',', given.Select(Figures.Exact)) : null, (s, text) => With(s, o => o with { Thresholds = Rising(text) })) { Kind = SettingKind.Numbers },
        new("train-steps", "train-steps", s => OfTraining(s, Text(s.Scoring.TrainSteps ?? MethodOf(s).DefaultTrainSteps)), (s, text) => With(s, o => o with { TrainSteps = Integer("train-steps", text, 1, Million) })) { Kind = SettingKind.Whole },
        new("learning-rate", "learning-rates", s => (s.Scoring.LearningRate ?? MethodOf(s).DefaultLearningRate) is { } rate ? OfTraining(s, Figures.Exact(rate)) : null, (s, text) => With(s, o => o with { LearningRate = Rate(text) })) { Kind = SettingKind.Number },
        new("target-share", "target-shares", s => MethodOf(s).TakesTargetShare ? Figures.Exact(s.Scoring.TargetShare ?? EdgePruningMethod.DefaultTargetShare) : null, (s, text) => With(s, o => o with { TargetShare = Part(text) })) { Kind = SettingKind.Number },
        new("train-seed", "train-seeds", s => OfTraining(s, Text(s.Scoring.Seed)), (s, text) => With(s, o => o with { Seed = Integer("train-seed", text, 0, int.MaxValue) })) { Kind = SettingKind.Whole },
        new("combine", "combinations", s => s.Combination?.ToString(), (s, text) => s with { Combination = text == Off ? null : MethodCombination.Parse(text) }),
        new("positions", "positions", s => s.Scoring.Positions?.Name() ?? Off, (s, text) => With(s, o => o with { Positions = Positions(text) })) { Unsaid = Off },
        new("level", "levels", s => s.Scoring.Level.Name(), (s, text) => With(s, o => o with { Level = ScoreLevels.Parse(Known("level", text, ScoreLevels.Names)) })) { Field = run => run.Level },
        new("select", "selections", s => s.Sizes is null ? null : s.Select, (s, text) => s with { Select = Known("select", text, SelectionMethods.Names) }),
        new("negative", "negative", s => s is { Sizes: not null, Select: SelectionMethods.RatioName } ? Figures.Exact(s.Negative) : null, (s, text) => s with { Negative = Share("negative", text) }) { Kind = SettingKind.Number },
        new("signed", "signed", s => s.Sizes is null ? null : Truths[s.Signed ? 0 : 1], (s, text) => s with { Signed = Known("signed", text, Truths) == Truths[0] }) { Kind = SettingKind.Truth, Unsaid = Truths[1] },
        new("resamples", "resamples", s => s is { Sizes: not null, Resamples: > 0 } ? Text(s.Resamples) : null, (s, text) => s with { Resamples = Integer("resamples", text, 0, 100_000) }) { Kind = SettingKind.Whole },
        new(Edges, Edges, s => s.Sizes is { } sizes ? string.Join(',', sizes) : null, (s, text) => s with { Sizes = Whole(text) }) { Kind = SettingKind.Numbers, RecordName = "sizes" },
    ];

    private static BeginTokenUse Begin(string text) => Known("bos", text, [Auto, .. Truths]) switch { Auto => BeginTokenUse.AsFilesSay, "true" => BeginTokenUse.Prepend, _ => BeginTokenUse.Omit };

    private static PositionKind? Positions(string text) => Known("positions", text, [Off, .. PositionKinds.Names]) is var name && name == Off ? null : PositionKinds.Parse(name);

    private static string? OfTraining(RunSpecification s, string? text) => MethodOf(s).DefaultTrainSteps is null ? null : text;

    private static double Rate(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var rate) && rate is > 0 and <= 100 ? rate
        : throw new InputException($"learning-rate must be a number above 0, at most 100, not {PlainText.Short(text)}");

    private static double Part(string text) => double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var share) && share is > 0 and < 1 ? share
        : throw new InputException($"target-share must be a number above 0 and below 1, not {PlainText.Short(text)}");

    private static AttributionMethod MethodOf(RunSpecification s) => AttributionMethods.Find(s.Scoring.Method);

    private static IntegrationRule? Rule(RunSpecification s) => MethodOf(s).Rule(s.Scoring);

    private static RunSpecification With(RunSpecification s, Func<AttributionOptions, AttributionOptions> change) => s with { Scoring = change(s.Scoring) };

    private static string? Text(int? value) => value?.ToString(CultureInfo.InvariantCulture);

    private static string Name(string setting, string text) => text.Length > 0 && !text.Contains('\0', StringComparison.Ordinal) ? text : throw new InputException($"{setting} must not be empty");

    private static string Known(string setting, string text, IReadOnlyCollection<string> known) =>
        KnownNames.Find(text, known) ?? throw new InputException($"{setting} {PlainText.Short(text)} is not known; known: {string.Join(", ", known)}{KnownNames.Suggest(text, known)}");

    private static int Integer(string setting, string text, int least, int most) =>
        int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var value) && value >= least && value <= most ? value
            : throw new InputException($"{setting} must be a whole number {(most == int.MaxValue ? $"of {least} or more" : $"from {least} to {most}")}, not {PlainText.Short(text)}");

    private static double Share(string setting, string text) =>
        double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) && value is >= 0 and <= 1 ? value : throw new InputException($"{setting} must be a number from 0 to 1, not {PlainText.Short(text)}");

    private static double[] Rising(string text)
    {
        var values = text.Split(',').Select(part => double.TryParse(part, NumberStyles.Float, CultureInfo.InvariantCulture, out var value) ? value : double.NaN).ToArray();
        return values.Length <= MostSizes && values.All(double.IsFinite) && values.Prepend(0).Zip(values).All(pair => pair.Second > pair.First) ? values
            : throw new InputException($"thresholds must be numbers above 0 that rise, not {PlainText.Short(text)}");
    }

    private static int[] Whole(string text)
    {
        var sizes = new SortedSet<int>();
        foreach (var part in text.Split(','))
        {
            if (!int.TryParse(part.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var size)) throw new InputException($"{Edges} must be whole numbers, not {PlainText.Short(part)}");
            sizes.Add(size);
        }
        return sizes.Count <= MostSizes ? [.. sizes] : throw new InputException($"{Edges} has {sizes.Count} sizes; at most {MostSizes} are measured");
    }
}
