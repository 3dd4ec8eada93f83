using System.Globalization;
using System.Text;
using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>A circuit as a self-contained SVG.</summary>
internal static class CircuitSvg
{
    // Blue and vermillion of Okabe and Ito's palette: told apart with every kind of colour vision.
    public const string Helps = "#0072B2", Hurts = "#D55E00", Plain = "#4a5568";
    // What a pointer does, and what a page hides.
    private const string Style = "<style>.e:hover{stroke-opacity:1;stroke-width:4}.off{display:none}.dim{opacity:.07}</style>\n";
    /// <summary>What edges have in common.</summary>
    public const string EdgesGroup = "<g class=\"edges\" fill=\"none\" stroke-linecap=\"round\">\n";
    private const double MarginLeft = 110, MarginRight = 40, Header = 74, Footer = 80;
    private static readonly (InputKind Kind, char Letter, string Fill)[] Ports =
        [(InputKind.Query, 'q', "#e8d5f0"), (InputKind.Key, 'k', "#cfeadd"), (InputKind.Value, 'v', "#fbe6b5")];

    public static string Draw(DrawnCircuit drawn)
    {
        var layout = new CircuitLayout(drawn);
        var paths = new EdgeRouter(layout).Route(drawn.Edges, drawn.Cancellation);
        var plain = Math.Max(layout.Width, Math.Max(660, SvgText.Width(drawn.Title, 17)));
        var width = MarginLeft + plain + MarginRight;
        var height = Header + layout.Height + Footer;
        var svg = Begin(drawn.Title, drawn.Subtitle, width, height);
        Layers(svg, layout, drawn.Graph.Layers, width);
        svg.Append($"<g transform=\"translate({N(MarginLeft + (plain - layout.Width) / 2)} {N(Header)})\">\n{EdgesGroup}");
        // The strongest last, so that it lies on top.
        for (var i = paths.Length - 1; i >= 0; i--)
        {
            drawn.Cancellation.ThrowIfCancellationRequested();
            var e = drawn.Edges[i];
            Edge(svg, new(e.Name, e.Source.Index, e.Target.Index, e.Kind, e.Score, drawn.HasScores ? e.Strength : 0.25, e.Rank, drawn.Edges.Count), paths[i]);
        }
        svg.Append("</g>\n<g class=\"nodes\" text-anchor=\"middle\">\n");
        var usedPorts = drawn.Edges.Select(e => (e.Target, e.Kind)).ToHashSet();
        foreach (var node in drawn.Nodes) Node(svg, drawn, layout.Boxes[node], usedPorts);
        svg.Append("</g>\n</g>\n");
        Legend(svg, drawn.HasScores, drawn.Largest, height - Footer + 36);
        return svg.Append("</svg>\n").ToString();
    }

    /// <summary>The beginning of a drawing: its size, a white ground and its titles.</summary>
    public static StringBuilder Begin(string title, string subtitle, double width, double height) => new StringBuilder()
        .Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {N(width)} {N(height)}\" width=\"{N(width)}\" height=\"{N(height)}\" font-family=\"{SvgText.Fonts}\">\n")
        .Append($"<title>{SvgText.Escape(title)}: {SvgText.Escape(subtitle)}</title>\n")
        .Append(Style)
        .Append($"<rect width=\"{N(width)}\" height=\"{N(height)}\" fill=\"#ffffff\"/>\n")
        .Append($"<text x=\"20\" y=\"30\" font-size=\"17\" font-weight=\"bold\" fill=\"#1a202c\">{SvgText.Escape(title)}</text>\n")
        .Append($"<text x=\"20\" y=\"50\" font-size=\"12\" fill=\"#4a5568\">{SvgText.Escape(subtitle)}</text>\n");

    private static void Layers(StringBuilder svg, CircuitLayout layout, int layers, double width)
    {
        svg.Append("<g font-size=\"11\" fill=\"#718096\">\n");
        foreach (var layer in layout.Boxes.Values.Where(b => b.Layer >= 0 && b.Layer < layers).GroupBy(b => b.Layer).OrderBy(g => g.Key))
        {
            double top = Header + layer.Min(b => b.Top) - 11, bottom = Header + layer.Max(b => b.Bottom) + 11;
            svg.Append($"<rect x=\"12\" y=\"{N(top)}\" width=\"{N(width - 24)}\" height=\"{N(bottom - top)}\" rx=\"6\" fill=\"#f4f6f9\"/>");
            svg.Append($"<text x=\"22\" y=\"{N((top + bottom) / 2 + 4)}\">layer {layer.Key}</text>\n");
        }
        svg.Append("</g>\n");
    }

    /// <summary>An edge with its tip.</summary>
    public static void Edge(StringBuilder svg, in Look edge, string path)
    {
        var score = edge.Score is { } s ? $"\nscore {SvgText.Value(s)}, {edge.Rank} of {edge.Count}" : "";
        var stroke = Stroke(edge.Strength);
        var dash = Dash(edge.Kind, stroke);
        var opacity = (0.28 + 0.6 * Math.Sqrt(edge.Strength)).ToString("0.##", CultureInfo.InvariantCulture);
        svg.Append($"<path class=\"e\" data-rank=\"{edge.Rank}\" data-from=\"{edge.Source}\" data-to=\"{edge.Target}\" d=\"{path}\"")
            .Append($" stroke=\"{Colour(edge.Score)}\" stroke-width=\"{N(stroke)}\" stroke-opacity=\"{opacity}\"")
            .Append(dash.Length > 0 ? $" stroke-dasharray=\"{dash}\"" : "")
            .Append($"><title>{SvgText.Escape(edge.Name)}{score}</title></path>\n");
    }

    /// <summary>What an edge looks like: what it says of itself, the numbers of its nodes in the picture, how strong it is and its place among how many.</summary>
    public readonly record struct Look(string Name, int Source, int Target, InputKind Kind, double? Score, double Strength, int Rank, int Count);

    // Roots keep the weak ones visible: scores of a circuit span orders of magnitude.
    private static double Stroke(double strength) => 0.9 + 5 * Math.Sqrt(strength);

    /// <summary>The colour of a score.</summary>
    public static string Colour(double? score) => score switch { null => Plain, < 0 => Hurts, _ => Helps };

    private static string Dash(InputKind kind, double stroke) => kind switch
    {
        InputKind.Query => $"{N(5 + stroke)} {N(3 + stroke)}",
        InputKind.Key => $"{N(0.5)} {N(2.5 + 1.4 * stroke)}",
        _ => "",
    };

    private static void Node(StringBuilder svg, DrawnCircuit drawn, NodeBox box, HashSet<(NodeId, InputKind)> usedPorts)
    {
        svg.Append($"<g class=\"n\" data-node=\"{box.Node.Index}\"><title>{SvgText.Escape(drawn.Tip(box.Node))}</title>");
        Box(svg, drawn.Graph.PlaceOf(box.Node).Kind, box.Name, box.X, box.Y, box.Width, box.IsHead ? -2 : 4);
        if (box.IsHead)
        {
            foreach (var (kind, letter, accent) in Ports)
            {
                if (!usedPorts.Contains((box.Node, kind))) continue;
                var x = box.X + NodeBox.PortOffset(kind);
                svg.Append($"<rect x=\"{N(x - 6.5)}\" y=\"{N(box.Bottom - 12)}\" width=\"13\" height=\"11\" rx=\"2.5\" fill=\"{accent}\"/>")
                    .Append($"<text x=\"{N(x)}\" y=\"{N(box.Bottom - 3.5)}\" font-size=\"9\" fill=\"#1a202c\">{letter}</text>");
            }
        }
        svg.Append("</g>\n");
    }

    /// <summary>A node's box around a point, and its name so far below the point.</summary>
    public static void Box(StringBuilder svg, NodeKind kind, string name, double x, double y, double width, double nameDown)
    {
        var (fill, ink) = kind switch { NodeKind.Head => ("#ffffff", "#1a202c"), NodeKind.Mlp => ("#e2e8f0", "#1a202c"), _ => ("#2d3748", "#ffffff") };
        svg.Append($"<rect x=\"{N(x - width / 2)}\" y=\"{N(y - NodeBox.Height / 2)}\" width=\"{N(width)}\" height=\"{N(NodeBox.Height)}\"")
            .Append($" rx=\"{(kind == NodeKind.Head ? 5 : 9)}\" fill=\"{fill}\" stroke=\"#2d3748\" stroke-width=\"1.2\"/>")
            .Append($"<text x=\"{N(x)}\" y=\"{N(y + nameDown)}\" font-size=\"12\" fill=\"{ink}\">{name}</text>");
    }

    /// <summary>What lines mean.</summary>
    public static void Legend(StringBuilder svg, bool hasScores, double largest, double y)
    {
        svg.Append("<g class=\"legend\" font-size=\"11\" fill=\"#2d3748\">\n");
        double x = 20;
        if (hasScores)
        {
            Line(Helps, "", 3, "score > 0");
            Line(Hurts, "", 3, "score < 0");
            Line(Plain, "", Stroke(1), $"|score| {SvgText.Value(largest)}, the largest");
            Line(Plain, "", Stroke(0.1), "a tenth of it");
            (x, y) = (20, y + 22);
        }
        Line(Plain, Dash(InputKind.Query, 1.8), 1.8, "into q");
        Line(Plain, Dash(InputKind.Key, 1.8), 1.8, "into k");
        Line(Plain, "", 1.8, "into v, an MLP or logits");
        svg.Append("</g>\n");

        void Line(string colour, string dash, double stroke, string text)
        {
            svg.Append($"<path d=\"M{N(x)} {N(y - 4)}h30\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"{N(stroke)}\" stroke-linecap=\"round\"")
                .Append(dash.Length > 0 ? $" stroke-dasharray=\"{dash}\"" : "")
                .Append($"/><text x=\"{N(x + 37)}\" y=\"{N(y)}\">{SvgText.Escape(text)}</text>\n");
            x += 37 + SvgText.Width(text, 11) + 18;
        }
    }

    private static string N(double value) => SvgText.Number(value);
}
