using Faith.Engine.Graphs;

namespace Faith.Engine.Data;

/// <summary>Refuses spans that a run cannot tell positions apart by: all examples have the same, none leaves its prompt, and no two overlap; or without spans, prompts of one length.</summary>
internal sealed class SpanChecker(PositionKind kind)
{
    // So many spans and the edges between them are more than the graph of any model holds.
    private const int Most = 4096;

    private readonly HashSet<string> names = new(StringComparer.Ordinal);
    private Example? first;

    /// <summary>What is wrong with an example beside the first where single tokens are told apart; null: nothing.</summary>
    public static string? Uneven(Example example, Example first) => (example.Clean.Length, example.BeginTokens) == (first.Clean.Length, first.BeginTokens) ? null
        : $"the prompt has {example.Clean.Length} tokens and the first one {first.Clean.Length}; --positions tokens needs prompts of one length: give spans in the data and take --positions spans";

    /// <summary>The spans of an example: those given, null where single tokens are told apart.</summary>
    /// <param name="example">The example.</param>
    /// <param name="given">What the data say.</param>
    /// <param name="error">Makes an error at its place.</param>
    public IReadOnlyList<PromptSpan>? Check(Example example, IReadOnlyList<PromptSpan>? given, Func<string, InputException> error)
    {
        var isFirst = first is null;
        first ??= example;
        if (kind == PositionKind.Tokens) return Uneven(example, first) is { } fault ? throw error(fault) : null;
        if (given is not { Count: > 0 }) throw error("\"spans\" is missing, which --positions spans needs: {\"name\": [first token, token after the last], …}; --positions tokens does without where prompts have one length");
        if (given.Count > Most) throw error($"has {given.Count} spans; at most {Most} can be told apart");
        var own = new HashSet<string>(StringComparer.Ordinal);
        foreach (var span in given)
        {
            if (SpanGraph.Fault(span.Name) is { } wrong) throw error($"the name of the span {PlainText.Quote(span.Name)} {wrong}");
            if (span.Name is SpanGraph.Rest or SpanGraph.Begin) throw error($"no span can be called {PlainText.Quote(span.Name)}, as {(span.Name == SpanGraph.Rest ? "the tokens in no span are" : "the begin token is")}: give it another name");
            if (!own.Add(span.Name)) throw error($"the span {PlainText.Quote(span.Name)} is given twice");
            if (isFirst) names.Add(span.Name);
            else if (!names.Contains(span.Name)) throw error($"the first example has no span {PlainText.Quote(span.Name)}; all must have the same");
            if (span.Start > span.End || span.Start < -example.BeginTokens || span.End > example.Clean.Length - example.BeginTokens)
                throw error($"the span {PlainText.Quote(span.Name)} from token {span.Start} to before token {span.End} is not within the prompt, whose own tokens are 0 to {example.Clean.Length - example.BeginTokens - 1}");
        }
        if (names.FirstOrDefault(name => !own.Contains(name)) is { } missing) throw error($"has no span {PlainText.Quote(missing)}, which the first example has; all must have the same");
        PromptSpan[] ordered = [.. given.Where(span => span.End > span.Start).OrderBy(span => span.Start)];
        foreach (var (before, after) in ordered.Zip(ordered.Skip(1)))
        {
            if (before.End > after.Start) throw error($"the spans {PlainText.Quote(before.Name)} and {PlainText.Quote(after.Name)} overlap");
        }
        return given;
    }
}
