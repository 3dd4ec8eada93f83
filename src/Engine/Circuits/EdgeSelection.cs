using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>How edges are selected, with all that belongs to it: the one place that knows which settings each selection of <see cref="SelectionMethods"/> takes.</summary>
/// <param name="Name">The selection.</param>
public sealed record EdgeSelection(string Name = SelectionMethods.TopName)
{
    /// <summary>The share of negative edges, where the selection takes one.</summary>
    public double Negative { get; init; } = SelectionMethods.UsualNegative;

    /// <summary>The edges whose sign is certain, where the selection asks for them.</summary>
    public IReadOnlyList<EdgeId>? Certain { get; init; }

    /// <summary>The method.</summary>
    /// <exception cref="InputException">There is none of this name, or it needs to know which edges are certain.</exception>
    public SelectionMethod Method => Name switch
    {
        SelectionMethods.RatioName => SelectionMethods.Ratio(Negative),
        SelectionMethods.StableName => SelectionMethods.Among(Certain ?? throw new InputException($"the selection {Name} needs the intervals of the edges' scores")),
        _ => SelectionMethods.Named(Name),
    };
}
