using Faith.Engine.Data;
using Faith.Engine.Graphs;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Spans for random prompts.</summary>
public static class RandomSpans
{
    /// <summary>
    /// The prompts with two spans, "a" and "b", in either order, which may be empty; other tokens are before, between and behind them. Prompts of different lengths have them in different places.
    /// </summary>
    public static Example[] AddTo(IEnumerable<Example> examples) => [.. examples.Select((example, e) =>
    {
        var length = example.Clean.Length;
        PromptSpan[] spans = [new("a", e % 2, Math.Max(e % 2, length / 2)), new("b", length / 2, Math.Max(length / 2, length - 1 - e % 2))];
        return example with { Spans = e % 3 == 1 ? [new("b", spans[0].Start, spans[0].End), new("a", spans[1].Start, spans[1].End)] : spans };
    })];

    /// <summary>The graph over the spans of some examples, and the examples with the span of every position.</summary>
    public static (SpanGraph Graph, IReadOnlyList<Example> Examples) Graph(ModelGraph model, IReadOnlyList<Example> examples, PositionKind kind = PositionKind.Spans)
    {
        var (names, positioned) = Positions.Apply(examples, kind);
        return (new SpanGraph(model, names), positioned);
    }
}
