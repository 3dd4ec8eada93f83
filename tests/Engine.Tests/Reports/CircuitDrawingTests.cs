using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;
using Faith.Engine.Tests.Circuits;
using Xunit;

namespace Faith.Engine.Tests.Reports;

public sealed class CircuitDrawingTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    public static TheoryData<int, int, bool, int, bool> Cases => new()
    {
        { 1, 1, false, 1, true }, { 4, 8, false, 30, true }, { 4, 8, true, 100, true }, { 12, 12, false, 300, true }, { 12, 12, false, 30, false }, { 6, 2, true, 2, false },
    };

    private static (Circuit, EdgeScores?) Sample(int layers, int heads, bool parallel, int edges, bool scored)
    {
        var graph = new ModelGraph(layers, heads, parallel);
        return (RandomCircuits.Sample(graph, edges, 5), scored ? Small.RandomScores(graph, 8) : null);
    }

    private static string[] TitlesOf(XDocument svg, string kind) =>
        [.. svg.Descendants().Where(e => (string?)e.Attribute("class") == kind).Select(e => e.Element(Svg + "title")!.Value.Split('\n')[0].Split(':')[0]).Order(StringComparer.Ordinal)];

    [Theory]
    [MemberData(nameof(Cases))]
    public void TheSvgHasEveryEdgeAndNode(int layers, int heads, bool parallel, int edges, bool scored)
    {
        var (circuit, scores) = Sample(layers, heads, parallel, edges, scored);
        var text = CircuitDrawing.Svg(circuit, scores, "A title");
        var svg = XDocument.Parse(text);
        Assert.Equal(Small.Names(circuit), TitlesOf(svg, "e"));
        var inside = circuit.NodesInCircuit();
        Assert.Equal(Enumerable.Range(0, inside.Length).Where(i => inside[i]).Select(i => circuit.Graph.NodeName(new(i))).Order(StringComparer.Ordinal), TitlesOf(svg, "n"));
        Assert.DoesNotContain("NaN", text);
        Assert.DoesNotContain("∞", text);
        Assert.Equal(text, CircuitDrawing.Svg(circuit, scores, "A title"));
        // Nothing is fetched.
        Assert.DoesNotMatch("href|src=|url\\(|@import", text);
        Assert.Equal(edges, svg.Descendants().Where(e => (string?)e.Attribute("class") == "e").Select(e => (int)e.Attribute("data-rank")!).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void NothingLeavesThePicture(int layers, int heads, bool parallel, int edges, bool scored)
    {
        var (circuit, scores) = Sample(layers, heads, parallel, edges, scored);
        var svg = XDocument.Parse(CircuitDrawing.Svg(circuit, scores)).Root!;
        double width = (double)svg.Attribute("width")!, left = 0;
        foreach (var group in svg.Elements(Svg + "g"))
        {
            var move = Regex.Match((string?)group.Attribute("transform") ?? "", @"translate\(([\d.]+)");
            left = move.Success ? double.Parse(move.Groups[1].Value, CultureInfo.InvariantCulture) : 0;
            foreach (var rect in group.Descendants(Svg + "rect")) Assert.InRange(left + (double)rect.Attribute("x")!, 0, width - (double)rect.Attribute("width")!);
            foreach (var path in group.Descendants(Svg + "path").Where(p => (string?)p.Attribute("class") == "e"))
            {
                foreach (var (x, _) in Points((string)path.Attribute("d")!)) Assert.InRange(left + x, 0, width);
            }
        }
    }

    [Theory]
    [InlineData(30)]
    [InlineData(100)]
    [InlineData(300)]
    public void EdgesGoAroundTheNodesBetweenTheirEnds(int edges)
    {
        var (circuit, scores) = Sample(12, 12, false, edges, scored: true);
        var drawn = new DrawnCircuit(circuit, scores, null);
        var layout = new CircuitLayout(drawn);
        var paths = new EdgeRouter(layout).Route(drawn.Edges);
        var crossed = 0;
        for (var i = 0; i < paths.Length; i++)
        {
            var others = layout.Boxes.Values.Where(b => b.Node != drawn.Edges[i].Source && b.Node != drawn.Edges[i].Target).ToArray();
            if (Along(paths[i]).Any(p => Array.Exists(others, b => p.X > b.Left + 2 && p.X < b.Right - 2 && p.Y > b.Top + 2 && p.Y < b.Bottom - 2))) crossed++;
        }
        Assert.True(crossed <= edges / 50, $"{crossed} of {edges} edges run through a node");
    }

    [Fact]
    public void NodesDoNotTouchAndLayersGoUpwards()
    {
        var (circuit, scores) = Sample(12, 12, false, 300, scored: true);
        var drawn = new DrawnCircuit(circuit, scores, null);
        var layout = new CircuitLayout(drawn);
        foreach (var row in layout.Rows)
        {
            for (var i = 1; i < row.Count; i++) Assert.True(row[i].Left - row[i - 1].Right > 20);
            Assert.Single(row.Select(b => b.Y).Distinct());
        }
        foreach (var edge in drawn.Edges) Assert.True(layout.Boxes[edge.Source].Top > layout.Boxes[edge.Target].Bottom, edge.Name);
    }

    [Fact]
    public void InputsSignsAndStrengthsAreToldApart()
    {
        var graph = new ModelGraph(2, 1);
        var circuit = Small.Circuit(graph, "input->a0.h0<q>", "input->a0.h0<k>", "input->a0.h0<v>", "a0.h0->logits");
        var scores = Small.Scores(graph, ("input->a0.h0<q>", 4), ("input->a0.h0<k>", -2), ("input->a0.h0<v>", 1), ("a0.h0->logits", -8));
        var edges = XDocument.Parse(CircuitDrawing.Svg(circuit, scores)).Descendants().Where(e => (string?)e.Attribute("class") == "e").ToDictionary(e => e.Element(Svg + "title")!.Value.Split('\n')[0]);
        Assert.Equal(3, edges.Values.Select(e => (string?)e.Attribute("stroke-dasharray") ?? "").Distinct().Count());
        Assert.Equal((string?)edges["input->a0.h0<q>"].Attribute("stroke"), (string?)edges["input->a0.h0<v>"].Attribute("stroke"));
        Assert.Equal((string?)edges["input->a0.h0<k>"].Attribute("stroke"), (string?)edges["a0.h0->logits"].Attribute("stroke"));
        Assert.NotEqual((string?)edges["input->a0.h0<k>"].Attribute("stroke"), (string?)edges["input->a0.h0<v>"].Attribute("stroke"));
        Assert.Equal(["a0.h0->logits", "input->a0.h0<q>", "input->a0.h0<k>", "input->a0.h0<v>"], edges.OrderByDescending(e => (double)e.Value.Attribute("stroke-width")!).Select(e => e.Key));
        // q, k and v enter from left to right.
        var ends = "qkv".Select(p => Points((string)edges[$"input->a0.h0<{p}>"].Attribute("d")!)[^1].X).ToArray();
        Assert.True(ends[0] < ends[1] && ends[1] < ends[2]);
    }

    [Fact]
    public void EmptyAndDanglingCircuitsAreDrawn()
    {
        var graph = new ModelGraph(3, 2);
        Assert.Equal(["logits"], TitlesOf(XDocument.Parse(CircuitDrawing.Svg(Circuit.Empty(graph))), "n"));
        var dangling = Small.Circuit(graph, "m0->a1.h0<q>", "a2.h1->m2");
        Assert.Equal(["a1.h0", "a2.h1", "logits", "m0", "m2"], TitlesOf(XDocument.Parse(CircuitDrawing.Svg(dangling, Small.Scores(graph))), "n"));
        Assert.Contains("layer 0", CircuitDrawing.Svg(dangling));
        Assert.Contains("max=\"0\"", CircuitDrawing.Html(Circuit.Empty(graph)));
    }

    [Fact]
    public void MoreEdgesThanAreRoutedAreStillDrawn()
    {
        var graph = new ModelGraph(3, 6);
        Assert.Equal(graph.Edges, TitlesOf(XDocument.Parse(CircuitDrawing.Svg(Circuit.Full(graph), Small.RandomScores(graph, 1))), "e").Length);
    }

    [Fact]
    public void TitlesCannotBreakOut()
    {
        const string title = "</title><script>alert('1')</script>\" & \\ \u0001 \ud800 é\n]]>";
        var (circuit, scores) = Sample(2, 2, false, 5, scored: true);
        var svg = XDocument.Parse(CircuitDrawing.Svg(circuit, scores, title));
        Assert.Empty(svg.Descendants(Svg + "script"));
        Assert.Contains("<script>alert", svg.Root!.Element(Svg + "title")!.Value);
        Assert.Single(Regex.Matches(CircuitDrawing.Html(circuit, scores, title), "<script>"));
        var dot = CircuitDrawing.Dot(circuit, scores, title);
        Assert.Contains("\\\" &amp; \\\\ \\\\u0001 \\\\ud800 é\\\\n]]>", dot);
    }

    [Theory]
    [MemberData(nameof(Cases))]
    public void DotNamesEveryEdgeAndItsPort(int layers, int heads, bool parallel, int edges, bool scored)
    {
        var (circuit, scores) = Sample(layers, heads, parallel, edges, scored);
        var dot = CircuitDrawing.Dot(circuit, scores);
        var names = Regex.Matches(dot, "^  \"([a-z0-9.]+)\" -> \"([a-z0-9.]+)\"(?::([qkv]):s)? \\[", RegexOptions.Multiline)
            .Select(m => $"{m.Groups[1].Value}->{m.Groups[2].Value}{(m.Groups[3].Success ? $"<{m.Groups[3].Value}>" : "")}");
        Assert.Equal(Small.Names(circuit), names.Order(StringComparer.Ordinal));
        Assert.Equal(dot.Count(c => c == '{'), dot.Count(c => c == '}'));
        Assert.Equal(0, dot.Count(c => c == '"') % 2);
    }

    [Fact]
    public void ThePageHoldsTheSvgAndFetchesNothing()
    {
        var (circuit, scores) = Sample(4, 4, false, 20, scored: true);
        var html = CircuitDrawing.Html(circuit, scores, "T");
        Assert.Contains(CircuitDrawing.Svg(circuit, scores, "T"), html);
        Assert.DoesNotMatch("href|src=|url\\(|@import|fetch|XMLHttp", html);
        Assert.Contains("max=\"20\" value=\"20\"", html);
    }

    [Fact]
    public void TheExtensionTellsTheKind()
    {
        var (circuit, scores) = Sample(2, 2, false, 4, scored: true);
        foreach (var (path, start) in ((string, string)[])[("a/b.SVG", "<svg"), ("b.pdf", "%PDF-"), ("b.dot", "digraph"), ("b.html", "<!DOCTYPE html>")])
        {
            using var written = new MemoryStream();
            CircuitDrawing.ToOutput(path, circuit, scores).Write(written);
            Assert.StartsWith(start, Encoding.Latin1.GetString(written.ToArray()), StringComparison.Ordinal);
        }
        Assert.Contains("ends in .svg, .pdf, .dot or .html", Assert.Throws<InputException>(() => CircuitDrawing.ToOutput("b.png", circuit, scores)).Message);
    }

    [Theory]
    [InlineData(".svg")]
    [InlineData(".pdf")]
    [InlineData(".html")]
    [InlineData(".dot")]
    public void ALargeDrawingCanBeCancelled(string extension)
    {
        // Seconds of work.
        var graph = new ModelGraph(24, 16);
        var (circuit, scores) = (Circuit.Full(graph), Small.RandomScores(graph, 1));
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        Assert.Throws<OperationCanceledException>(() => CircuitDrawing.ToOutput("circuit" + extension, circuit, scores, cancellation: cancellation.Token));
    }

    [Fact]
    public void ScoresThatCannotBeDrawnAreRefused()
    {
        var graph = new ModelGraph(1, 1);
        Assert.Contains("m0->logits", Assert.Throws<InputException>(() => CircuitDrawing.Svg(Circuit.Full(graph), Small.Scores(graph, ("m0->logits", double.NaN)))).Message);
        Assert.Throws<InputException>(() => CircuitDrawing.Svg(Circuit.Full(graph), Small.Scores(new(2, 1))));
    }

    private static (double X, double Y)[] Points(string path)
    {
        var numbers = Regex.Matches(path, @"-?[\d.]+").Select(m => double.Parse(m.Value, CultureInfo.InvariantCulture)).ToArray();
        return [.. numbers.Chunk(2).Select(p => (p[0], p[1]))];
    }

    // Points on the curves of a path.
    private static IEnumerable<(double X, double Y)> Along(string path)
    {
        var p = Points(path);
        for (var i = 0; i + 3 < p.Length; i += 3)
        {
            for (var t = 0.0; t <= 1; t += 0.02)
            {
                double a = (1 - t) * (1 - t) * (1 - t), b = 3 * t * (1 - t) * (1 - t), c = 3 * t * t * (1 - t), d = t * t * t;
                yield return (a * p[i].X + b * p[i + 1].X + c * p[i + 2].X + d * p[i + 3].X, a * p[i].Y + b * p[i + 1].Y + c * p[i + 2].Y + d * p[i + 3].Y);
            }
        }
    }
}
