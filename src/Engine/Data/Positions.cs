using System.Globalization;
using Faith.Engine.Graphs;

namespace Faith.Engine.Data;

/// <summary>The spans of a data set and the one to which every position of every prompt belongs.</summary>
internal static class Positions
{
    /// <summary>
    /// The examples with <see cref="Example.SpanOf"/>, and the names of the spans: the begin token of texts, the spans in the order in which they stand in the first example (or its
    /// tokens), and where some token belongs to none the rest.
    /// </summary>
    /// <param name="data">The examples; where spans are asked for they have them.</param>
    /// <param name="kind">How positions are told apart.</param>
    /// <param name="names">The spans and their order, where a file says them; null: those of the data.</param>
    /// <exception cref="InputException">Examples have no spans, or not the same, or not those: what was scored of a span that is not there says nothing of the data.</exception>
    public static (IReadOnlyList<string> Names, IReadOnlyList<Example> Examples) Apply(IReadOnlyList<Example> data, PositionKind kind, IReadOnlyList<string>? names = null)
    {
        var scored = names;
        var all = data.Select((example, e) => kind == PositionKind.Tokens ? Tokens(example) : Named(example, e)).ToArray();
        if (names is null)
        {
            var first = data[0].Spans is { } spans && kind == PositionKind.Spans ? spans.OrderBy(span => span.Start).Select(span => span.Name) : all[0];
            var others = all.SelectMany(labels => labels).Distinct().ToHashSet();
            others.ExceptWith(first);
            names = [.. others.Where(name => name == SpanGraph.Begin), .. first, .. others.Where(name => name != SpanGraph.Begin)];
        }
        var numbers = names.Select((name, number) => (name, number)).ToDictionary(entry => entry.name, entry => entry.number);
        Example[] examples = [.. data.Select((example, e) => example with { SpanOf = [.. all[e].Select(name => numbers.TryGetValue(name, out var number) ? number : throw Unknown(e, name, names))] })];
        if (scored is not null && examples.Length > 0) RequireAll(scored, examples, kind);
        return (names, examples);
    }

    private static void RequireAll(IReadOnlyList<string> scored, Example[] examples, PositionKind kind)
    {
        if (kind == PositionKind.Tokens)
        {
            if (Array.FindIndex(examples, example => example.Clean.Length != scored.Count) is >= 0 and var e) throw new InputException($"example {e + 1} has {examples[e].Clean.Length} tokens and those that were scored {scored.Count}: give prompts of that length");
            return;
        }
        var there = examples.SelectMany(example => example.Spans!).Select(span => span.Name).Append(SpanGraph.Begin).Append(SpanGraph.Rest).ToHashSet();
        if (scored.FirstOrDefault(name => !there.Contains(name)) is { } missing) throw new InputException($"the data have no span {PlainText.Quote(missing)}, which is one of those that were scored: {PlainText.Short(string.Join(", ", scored), 200)}");
    }

    private static string[] Tokens(Example example) =>
        [.. Enumerable.Range(0, example.Clean.Length).Select(p => p < example.BeginTokens ? SpanGraph.Begin : (p - example.BeginTokens).ToString(CultureInfo.InvariantCulture))];

    private static string[] Named(Example example, int e)
    {
        var spans = example.Spans ?? throw new InputException($"example {e + 1} has no spans, which --positions spans needs; built-in tasks have none: give a file of data with \"spans\"");
        var labels = new string[example.Clean.Length];
        for (var p = 0; p < labels.Length; p++) labels[p] = p < example.BeginTokens ? SpanGraph.Begin : SpanGraph.Rest;
        foreach (var span in spans) labels.AsSpan(span.Start + example.BeginTokens, span.End - span.Start).Fill(span.Name);
        return labels;
    }

    private static InputException Unknown(int e, string name, IReadOnlyList<string> names) =>
        new($"example {e + 1} has tokens of the span {PlainText.Quote(name)}, which is none of those that were scored: {PlainText.Short(string.Join(", ", names), 200)}");
}
