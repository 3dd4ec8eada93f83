using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;

namespace Faith.Cli;

/// <summary>What every run says of its data: the first example as the model reads it, whether the model does the task, and what speaks against it.</summary>
internal static class DataSummary
{
    private const int LongestPrompt = 200, IdsShown = 50, TokensShown = 4, ExamplesTried = 100;
    private const string WithoutAnswers = "not defined: no answers";
    // Less than this share of the clean metric is hardly a difference.
    private const double HardlyADifference = 0.01;

    /// <summary>Says it, once the run is done.</summary>
    /// <param name="clean">The metric after the clean prompts, by example.</param>
    /// <param name="corrupted">The metric of the corrupted or ablated run.</param>
    public static void Write(CommandContext context, LoadedModel loaded, Transformer model, PromptSet data, MetricKind metric, IReadOnlyList<double> clean, IReadOnlyList<double> corrupted)
    {
        context.Say($"first example: {FirstExample(loaded, data)}");
        context.Say($"accuracy: {Right(model, data, metric, clean, context.Cancellation, out var right)}");
        foreach (var warning in Warnings(new([.. clean], [.. clean], [.. corrupted]) { Metric = metric }, right, data.HasDistractors)) context.Say($"warning: {warning}");
        NoteDoubt(context, data);
    }

    /// <summary>What speaks against a task: clean and corrupted runs that hardly differ or lie the wrong way round, and a model that does not do it.</summary>
    /// <param name="run">Of any circuit: clean and corrupted are asked.</param>
    /// <param name="right">The share of examples that the model does; null where nobody knows.</param>
    /// <param name="hasDistractors">Whether that is among answers and distractors; else among all tokens.</param>
    public static IEnumerable<string> Warnings(Faithfulness run, double? right, bool hasDistractors = true)
    {
        if (run.Undefined is { } reason) yield return reason;
        else if (Math.Abs(run.CleanMean - run.CorruptedMean) < HardlyADifference * Math.Max(Math.Abs(run.CleanMean), Math.Abs(run.CorruptedMean)))
            yield return $"clean ({Figures.Fixed(run.CleanMean)}) and corrupted ({Figures.Fixed(run.CorruptedMean)}) hardly differ; what is found explains little";
        if (right < 0.5) yield return MostlyWrong(hasDistractors);
    }

    /// <summary>The same for a run that measures no metric of its own: the accuracy is that of the model's answers.</summary>
    public static void Write(CommandContext context, LoadedModel loaded, Transformer model, PromptSet data)
    {
        var right = 1.0;
        context.Output.WriteLine($"first example: {FirstExample(loaded, data)}");
        context.Output.WriteLine($"accuracy: {(data.HasAnswers ? Answered(model, data, context.Cancellation, out right) : WithoutAnswers)}");
        if (right < 0.5) context.Output.WriteLine($"warning: {MostlyWrong(data.HasDistractors)}");
        NoteDoubt(context, data);
    }

    /// <summary>The same without the accuracy, for a command that measures it itself or does not run the model.</summary>
    /// <param name="right">What it measured.</param>
    public static void Write(CommandContext context, LoadedModel loaded, PromptSet data, double? right = null)
    {
        context.Output.WriteLine($"first example: {FirstExample(loaded, data)}");
        if (right < 0.5) context.Output.WriteLine($"warning: {MostlyWrong(data.HasDistractors)}");
        NoteDoubt(context, data);
    }

    private static string MostlyWrong(bool hasDistractors) =>
        $"{(hasDistractors ? "the model mostly prefers the distractors" : "the likeliest token is mostly none of the answers")}: it does not do this task, or the ids are of another model's tokenizer";

    /// <summary>Says where the ids of the data seem to be of another tokenizer.</summary>
    private static void NoteDoubt(CommandContext context, PromptSet data)
    {
        if (data.Doubt is { } doubt) context.Note($"{data.Name}, {doubt}");
    }

    /// <summary>The first example, decoded from the ids that the model is given.</summary>
    public static string FirstExample(LoadedModel model, PromptSet data)
    {
        var example = data[0];
        var answers = $"{(data.HasAnswers ? $" → {Tokens(example.Answers)}" : "")}{(data.HasAnswers && data.HasDistractors ? $", not {Tokens(example.Distractors)}" : "")}";
        return $"{Prompt(model, example.Clean)}{answers}{(data.HasCorrupted ? $"; corrupted: {Prompt(model, example.Corrupted)}" : "")}";

        string Tokens(int[] ids) => string.Join(", ", ids.Take(TokensShown).Select(id => Known(model, [id]) ? PlainText.Quote(model.Tokenizer!.TokenText(id)) : $"{id}"))
            + (ids.Length > TokensShown ? $", … ({ids.Length})" : "");
    }

    /// <summary>A prompt, decoded from the ids that the model is given; ids where there is no tokenizer for them.</summary>
    public static string Prompt(LoadedModel model, int[] ids, int longest = LongestPrompt) =>
        Known(model, ids) ? PlainText.Short(model.Tokenizer!.Decode(ids), longest) : $"ids {string.Join(' ', ids.Take(IdsShown))}{(ids.Length > IdsShown ? " …" : "")}";

    private static bool Known(LoadedModel model, int[] ids) => model.Tokenizer is { } tokenizer && ids.All(id => id < tokenizer.Count);

    /// <summary>The share of examples in which the answers lie above the distractors, by values of a metric that is a difference between them.</summary>
    public static double Right(IReadOnlyList<double> clean) => clean.Average(value => value > 0 ? 1.0 : 0.0);

    // A difference between answers and distractors tells by its sign; for a divergence the model is asked, on some of the examples.
    private static string Right(Transformer model, PromptSet data, MetricKind metric, IReadOnlyList<double> clean, CancellationToken cancellation, out double? right)
    {
        right = null;
        if (metric.IsDifference())
        {
            right = Right(clean);
            return $"the answers lie above the distractors in {right:0.#%} of {Count(data)}";
        }
        if (!data.HasAnswers) return WithoutAnswers;
        var answered = Answered(model, data, cancellation, out var share);
        right = share;
        return answered;
    }

    private static string Answered(Transformer model, PromptSet data, CancellationToken cancellation, out double right)
    {
        var tried = data.First(ExamplesTried);
        if (!data.HasDistractors)
        {
            var first = 0;
            PromptLogits.Run(model, [.. tried.Select(e => e.Clean)], (i, logits) => first += tried[i].Answers.Contains(Array.IndexOf(logits, logits.Max())) ? 1 : 0, cancellation: cancellation);
            right = (double)first / tried.Count;
            return $"an answer is the likeliest token of all in {right:0.#%} of {(tried.Count < data.Count ? "the first " : "")}{Count(tried)}";
        }
        // Nothing is asked of the corrupted prompts here, which may be of other lengths.
        right = Accuracy.Measure(model, [.. tried.Select(e => e with { Corrupted = e.Clean })], cancellation: cancellation).CleanRight;
        return $"an answer is likelier than every distractor in {right:0.#%} of {(tried.Count < data.Count ? "the first " : "")}{Count(tried)}";
    }

    private static string Count(PromptSet data) => data.Count == 1 ? "1 example" : $"{data.Count} examples";
}
