using System.Globalization;
using System.Text;
using Faith.Engine.Files;
using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>
/// Pictures of a circuit over spans: a column for each span, side by side, each laid out as a transformer from the bottom up, with the edges between spans from one column to the other.
/// Lines, colours and styles are those of <see cref="CircuitDrawing"/>.
/// </summary>
public static class SpanDrawing
{
    private const double Gap = 18, ColumnGap = 90, RowHeight = 96, Left = 110, Top = 104, Footer = 80;

    /// <summary>The picture that a file of this name should hold.</summary>
    /// <exception cref="InputException">The extension is not one of <see cref="CircuitDrawing.Extensions"/>, or a score is not finite.</exception>
    public static Output ToOutput(string path, SpanCircuit circuit, SpanScores? scores = null, string? title = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        var drawn = new DrawnSpans(circuit, scores, title, cancellation);
        return Path.GetExtension(path).ToLowerInvariant() switch
        {
            ".svg" or ".pdf" => PictureFile.ToOutput(path, Svg(drawn), cancellation),
            ".dot" => Output.Text(path, Dot(drawn)),
            ".html" => Output.Text(path, CircuitHtml.Page(drawn.Title, drawn.Edges.Count, drawn.Nodes.Where(node => node.Kind is NodeKind.Input or NodeKind.Logits).Select(node => node.Number), Svg(drawn))),
            _ => throw CircuitDrawing.OfNoKind(path),
        };
    }

    private static string Svg(DrawnSpans drawn)
    {
        var (boxes, columns) = Place(drawn);
        var bottom = drawn.Rows * RowHeight + Top;
        var width = Math.Max(columns.Max(column => column.Right) + 40, Math.Max(700, SvgText.Width(drawn.Title, 17) + 40));
        var svg = CircuitSvg.Begin(drawn.Title, drawn.Subtitle, width, bottom + Footer);
        foreach (var (span, left, right) in columns)
        {
            svg.Append($"<rect class=\"span\" x=\"{N(left - 14)}\" y=\"{N(Top - 22)}\" width=\"{N(right - left + 28)}\" height=\"{N(bottom - Top + 22)}\" rx=\"8\" fill=\"#f4f6f9\"/>");
            svg.Append($"<text x=\"{N((left + right) / 2)}\" y=\"{N(Top - 30)}\" font-size=\"13\" font-weight=\"bold\" text-anchor=\"middle\" fill=\"#2d3748\">{SvgText.Escape(drawn.Graph.Spans[span])}</text>\n");
        }
        svg.Append("<g font-size=\"11\" fill=\"#718096\">\n");
        foreach (var row in drawn.Nodes.Where(node => node.Kind == NodeKind.Head).GroupBy(node => node.Layer)) svg.Append($"<text x=\"22\" y=\"{N(boxes[row.First().Number].Y + 4)}\">layer {row.Key}</text>\n");
        svg.Append("</g>\n").Append(CircuitSvg.EdgesGroup);
        // The strongest last, so that it lies on top.
        foreach (var edge in drawn.Edges.Reverse())
        {
            drawn.Cancellation.ThrowIfCancellationRequested();
            CircuitSvg.Edge(svg, new(edge.Name, edge.Source, edge.Target, edge.Kind, edge.Score, drawn.HasScores ? edge.Strength : 0.25, edge.Rank, drawn.Edges.Count), Line(boxes[edge.Source], boxes[edge.Target], edge));
        }
        svg.Append("</g>\n<g class=\"nodes\" text-anchor=\"middle\">\n");
        foreach (var node in drawn.Nodes)
        {
            var (x, y, boxWidth) = boxes[node.Number];
            svg.Append($"<g class=\"n\" data-node=\"{node.Number}\"><title>{SvgText.Escape(drawn.Tip(node))}</title>");
            CircuitSvg.Box(svg, node.Kind, node.Label, x, y, boxWidth, nameDown: 4);
            svg.Append("</g>\n");
        }
        svg.Append("</g>\n");
        CircuitSvg.Legend(svg, drawn.HasScores, drawn.Largest, bottom + 36);
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>The middle of every node's box and its width, and the columns: within a span rows from the bottom up, the boxes of a row side by side.</summary>
    private static (Dictionary<int, (double X, double Y, double Width)> Boxes, List<(int Span, double Left, double Right)> Columns) Place(DrawnSpans drawn)
    {
        var boxes = new Dictionary<int, (double, double, double)>();
        var columns = new List<(int, double, double)>();
        var left = Left;
        foreach (var column in drawn.Nodes.GroupBy(node => node.Span).OrderBy(group => group.Key))
        {
            var rows = column.GroupBy(node => node.Row).Select(row => row.Select(node => (Node: node, Width: Math.Max(56, SvgText.Width(node.Label, 12) + 12))).ToArray()).ToArray();
            var width = Math.Max(rows.Max(row => row.Sum(box => box.Width) + Gap * (row.Length - 1)), SvgText.Width(drawn.Graph.Spans[column.Key], 13));
            foreach (var row in rows)
            {
                var x = left + (width - row.Sum(box => box.Width) - Gap * (row.Length - 1)) / 2;
                foreach (var (node, boxWidth) in row)
                {
                    boxes[node.Number] = (x + boxWidth / 2, Top + (drawn.Rows - node.Row - 0.5) * RowHeight, boxWidth);
                    x += boxWidth + Gap;
                }
            }
            columns.Add((column.Key, left, left + width));
            left += width + ColumnGap;
        }
        return (boxes, columns);
    }

    /// <summary>From the top of a node to the bottom of a later one; between spans out of one head's side and into the other's, in an arc.</summary>
    private static string Line((double X, double Y, double Width) from, (double X, double Y, double Width) to, DrawnSpanEdge edge)
    {
        if (edge.IsCrossing)
        {
            var side = Math.Sign(to.X - from.X);
            var (x1, x2) = (from.X + side * from.Width / 2, to.X - side * to.Width / 2);
            var rise = from.Y - Math.Min(40, 14 + Math.Abs(x2 - x1) / 30) - (edge.Kind == InputKind.Key ? 8 : 0);
            return $"M{N(x1)} {N(from.Y)}C{N(x1 + side * 30)} {N(rise)} {N(x2 - side * 30)} {N(rise)} {N(x2)} {N(to.Y)}";
        }
        var (start, end, x) = (from.Y - NodeBox.Height / 2, to.Y + NodeBox.Height / 2, to.X + NodeBox.PortOffset(edge.Kind));
        // Long edges bow, so that they pass beside what stands between.
        var bow = Math.Min(60, (start - end) / 12);
        return $"M{N(from.X)} {N(start)}C{N(from.X + bow)} {N(start - (start - end) * 0.4)} {N(x + bow)} {N(end + (start - end) * 0.4)} {N(x)} {N(end)}";
    }

    private static string Dot(DrawnSpans drawn)
    {
        var dot = new StringBuilder();
        dot.Append("digraph circuit {\n  rankdir=BT; bgcolor=white; ranksep=0.6; nodesep=0.25; newrank=true; fontname=\"Helvetica\"; labelloc=t;\n");
        dot.Append($"  label={CircuitDot.Quote(drawn.Title + "\n" + drawn.Subtitle)};\n");
        dot.Append("  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\", fontsize=11, height=0.3, margin=\"0.08,0.04\"];\n  edge [arrowsize=0.5];\n");
        foreach (var column in drawn.Nodes.GroupBy(node => node.Span).OrderBy(group => group.Key))
        {
            dot.Append($"  subgraph cluster_{column.Key} {{\n    label={CircuitDot.Quote(drawn.Graph.Spans[column.Key])}; style=filled; color=\"#f4f6f9\";\n");
            foreach (var node in column)
            {
                var look = node.Kind switch { NodeKind.Head => $"shape=record, style=filled, label=\"{{{node.Label}|{{<q>q|<k>k|<v>v}}}}\"", NodeKind.Mlp => $"fillcolor=\"#e2e8f0\", label=\"{node.Label}\"", _ => $"fillcolor=\"#2d3748\", fontcolor=white, label=\"{node.Label}\"" };
                dot.Append($"    n{node.Number} [{look}, tooltip={CircuitDot.Quote(drawn.Tip(node))}];\n");
            }
            dot.Append("  }\n");
        }
        foreach (var row in drawn.Nodes.GroupBy(node => node.Row)) dot.Append($"  {{ rank=same; {string.Join("; ", row.Select(node => $"n{node.Number}"))}; }}\n");
        foreach (var edge in drawn.Edges)
        {
            drawn.Cancellation.ThrowIfCancellationRequested();
            var strength = drawn.HasScores ? Math.Sqrt(edge.Strength) : 0.4;
            var port = edge.Kind switch { InputKind.Query => "q", InputKind.Key => "k", InputKind.Value => "v", _ => "" };
            var style = edge.Kind switch { InputKind.Query => "dashed", InputKind.Key => "dotted", _ => "solid" };
            dot.Append(edge.IsCrossing ? $"  n{edge.Source}:{port} -> n{edge.Target} " : $"  n{edge.Source} -> n{edge.Target}{(port.Length > 0 ? $":{port}:s" : "")} ");
            dot.Append(CultureInfo.InvariantCulture, $"[style={style}, color=\"{CircuitSvg.Colour(edge.Score)}{(int)(255 * (0.3 + 0.7 * strength)):x2}\", penwidth={0.6 + 3.4 * strength:0.##}, ");
            dot.Append($"tooltip={CircuitDot.Quote(edge.Name + (edge.Score is { } score ? $" {SvgText.Value(score)}" : ""))}{(edge.IsCrossing ? ", constraint=false" : "")}];\n");
        }
        return dot.Append("}\n").ToString();
    }

    private static string N(double value) => SvgText.Number(value);
}
