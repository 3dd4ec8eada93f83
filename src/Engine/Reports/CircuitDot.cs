using System.Globalization;
using System.Text;
using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>A circuit for Graphviz: dot -Tsvg.</summary>
internal static class CircuitDot
{
    public static string Draw(DrawnCircuit drawn)
    {
        var graph = drawn.Graph;
        var dot = new StringBuilder();
        dot.Append("digraph circuit {\n  rankdir=BT; bgcolor=white; ranksep=0.6; nodesep=0.25; fontname=\"Helvetica\"; labelloc=t;\n");
        dot.Append($"  label={Quote(drawn.Title + "\n" + drawn.Subtitle)};\n");
        dot.Append("  node [shape=box, style=\"rounded,filled\", fillcolor=white, fontname=\"Helvetica\", fontsize=11, height=0.3, margin=\"0.08,0.04\"];\n");
        dot.Append("  edge [arrowsize=0.5];\n");
        foreach (var node in drawn.Nodes)
        {
            var (name, kind) = (graph.NodeName(node), graph.PlaceOf(node).Kind);
            if (kind is NodeKind.Input or NodeKind.Logits) dot.Append($"  {Quote(name)} [fillcolor=\"#2d3748\", fontcolor=white, tooltip={Quote(drawn.Tip(node))}];\n");
            else if (kind == NodeKind.Mlp) dot.Append($"  {Quote(name)} [fillcolor=\"#e2e8f0\", tooltip={Quote(drawn.Tip(node))}];\n");
            else dot.Append($"  {Quote(name)} [shape=record, style=filled, label=\"{{{name}|{{<q>q|<k>k|<v>v}}}}\", tooltip={Quote(drawn.Tip(node))}];\n");
        }
        var levels = drawn.Nodes.Select(n => (Node: n, Place: graph.PlaceOf(n))).Where(n => n.Place.Kind is NodeKind.Head or NodeKind.Mlp)
            .GroupBy(n => (n.Place.Layer, Mlp: !graph.Parallel && n.Place.Kind == NodeKind.Mlp), n => n.Node);
        foreach (var level in levels)
        {
            dot.Append($"  {{ rank=same; {string.Join("; ", level.Select(n => Quote(graph.NodeName(n))))}; }}\n");
        }
        foreach (var edge in drawn.Edges)
        {
            drawn.Cancellation.ThrowIfCancellationRequested();
            var port = edge.Kind switch { InputKind.Query => ":q:s", InputKind.Key => ":k:s", InputKind.Value => ":v:s", _ => "" };
            var style = edge.Kind switch { InputKind.Query => "dashed", InputKind.Key => "dotted", _ => "solid" };
            var colour = edge.Score switch { null => CircuitSvg.Plain, < 0 => CircuitSvg.Hurts, _ => CircuitSvg.Helps };
            var strength = drawn.HasScores ? Math.Sqrt(edge.Strength) : 0.4;
            var alpha = (int)(255 * (0.3 + 0.7 * strength));
            var tip = edge.Name + (edge.Score is { } s ? $" {SvgText.Value(s)}" : "");
            dot.Append($"  {Quote(graph.NodeName(edge.Source))} -> {Quote(graph.NodeName(edge.Target))}{port} ");
            dot.Append(CultureInfo.InvariantCulture, $"[style={style}, color=\"{colour}{alpha:x2}\", penwidth={0.6 + 3.4 * strength:0.##}, tooltip={Quote(tip)}];\n");
        }
        return dot.Append("}\n").ToString();
    }

    public static string Quote(string text)
    {
        var result = new StringBuilder("\"");
        foreach (var c in text)
        {
            // Graphviz reads &#10; and the like as characters.
            result.Append(c switch { '"' => "\\\"", '\\' => "\\\\", '\n' => "\\n", '&' => "&amp;", _ => c.ToString() });
        }
        return result.Append('"').ToString();
    }
}
