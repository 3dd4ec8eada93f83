using Faith.Engine.Files;
using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>
/// Pictures of a circuit, laid out as a transformer: input at the bottom, logits on top, a row for the heads of a layer and one
/// for its MLP. Only nodes of the circuit are drawn. The width of an edge is its |score|, the colour its sign, the line style and
/// the place where it enters a head the input (q, k, v). A large circuit takes seconds, so that every kind can be cancelled.
/// </summary>
public static class CircuitDrawing
{
    /// <summary>The file name extensions that <see cref="ToOutput"/> knows.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [.. PictureFile.Extensions, ".dot", ".html"];

    /// <summary>A self-contained SVG with a tooltip for each edge and node.</summary>
    public static string Svg(Circuit circuit, EdgeScores? scores = null, string? title = null, CancellationToken cancellation = default) => CircuitSvg.Draw(new(circuit, scores, title, cancellation));

    /// <summary>A graph for Graphviz.</summary>
    public static string Dot(Circuit circuit, EdgeScores? scores = null, string? title = null, CancellationToken cancellation = default) => CircuitDot.Draw(new(circuit, scores, title, cancellation));

    /// <summary>
    /// A page with the SVG: pointing at a node shows its edges, a slider tells how many of the strongest edges are drawn. It needs
    /// nothing from outside.
    /// </summary>
    public static string Html(Circuit circuit, EdgeScores? scores = null, string? title = null, CancellationToken cancellation = default) => CircuitHtml.Draw(new(circuit, scores, title, cancellation));

    /// <summary>The picture that a file of this name should hold.</summary>
    /// <exception cref="InputException">The extension is not one of <see cref="Extensions"/>.</exception>
    public static Output ToOutput(string path, Circuit circuit, EdgeScores? scores = null, string? title = null, CancellationToken cancellation = default) =>
        Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".svg" or ".pdf" => PictureFile.ToOutput(path, Svg(circuit, scores, title, cancellation), cancellation),
            ".dot" => Output.Text(path, Dot(circuit, scores, title, cancellation)),
            ".html" => Output.Text(path, Html(circuit, scores, title, cancellation)),
            _ => throw OfNoKind(path),
        };

    /// <summary>The error for a file of another extension.</summary>
    internal static InputException OfNoKind(string path) => new($"{path}: a drawing is a file that ends in {string.Join(", ", Extensions.SkipLast(1))} or {Extensions[^1]}");
}
