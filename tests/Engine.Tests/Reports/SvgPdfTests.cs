using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using System.Xml.Linq;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Faith.Engine.Reports;
using Faith.Engine.Tests.Circuits;
using UglyToad.PdfPig;
using UglyToad.PdfPig.Content;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.Graphics;
using UglyToad.PdfPig.Graphics.Colors;
using UglyToad.PdfPig.Tokens;
using Xunit;

namespace Faith.Engine.Tests.Reports;

/// <summary>PDFs of drawings, read back: every text and every shape is where the SVG has it and looks as it does there.</summary>
public sealed class SvgPdfTests
{
    private const double Points = 0.75;

    /// <summary>Every kind of drawing that the program makes.</summary>
    public static TheoryData<string> Drawings => [.. Made.Keys];

    internal static readonly Dictionary<string, string> Made = new()
    {
        ["curve"] = Curve(logarithmic: true).ToSvg(),
        ["plot with a linear axis"] = Curve(logarithmic: false).ToSvg(),
        ["plot of nothing"] = new CurvePlot { Title = "", Series = [] }.ToSvg(),
        ["circuit"] = CircuitDrawing.Svg(RandomCircuits.Sample(new(4, 8), 60, 5), Small.RandomScores(new(4, 8), 8), "A title"),
        ["circuit without scores"] = CircuitDrawing.Svg(RandomCircuits.Sample(new(2, 2, true), 12, 5)),
        ["empty circuit"] = CircuitDrawing.Svg(Circuit.Empty(new(3, 2))),
        ["circuit over spans"] = Spans(),
    };

    [Theory]
    [MemberData(nameof(Drawings))]
    public void Every_text_is_at_its_place(string name)
    {
        var svg = XElement.Parse(Made[name]);
        using var file = Open(Made[name]);
        var page = file.GetPage(1);
        Assert.Equal(1, file.NumberOfPages);
        Assert.Equal(Points * (double)svg.Attribute("width")!, page.Width, 1e-6);
        Assert.Equal(Points * (double)svg.Attribute("height")!, page.Height, 1e-6);
        Assert.Equal(svg.Elements().First().Value, file.Information.Title);
        var texts = Placed(svg).Where(placed => placed.Element.Name.LocalName == "text" && placed.Element.Value.Length > 0).ToArray();
        var shown = page.Letters.GroupBy(letter => letter.TextSequence).Select(group => group.ToArray()).ToArray();
        Assert.Equal(texts.Select(text => text.Element.Value), shown.Select(letters => string.Concat(letters.Select(letter => letter.Value))));
        foreach (var ((element, left, top), letters) in texts.Zip(shown))
        {
            var (start, end) = (letters[0].StartBaseLine, letters[^1].EndBaseLine);
            var share = Of(element, "text-anchor") switch { "middle" => 0.5, "end" => 1, _ => 0 };
            var turned = ((string?)element.Attribute("transform"))?.Contains("rotate(-90)", StringComparison.Ordinal) ?? false;
            Near(page, left + (double?)element.Attribute("x") ?? left, top + (double?)element.Attribute("y") ?? top, start.X + share * (end.X - start.X), start.Y + share * (end.Y - start.Y));
            Assert.True(turned ? end.Y > start.Y && Math.Abs(end.X - start.X) < 0.01 : end.X > start.X && Math.Abs(end.Y - start.Y) < 0.01);
            Assert.Equal(Points * double.Parse(Of(element, "font-size")!, CultureInfo.InvariantCulture), letters[0].PointSize, 3);
            Assert.Equal(Of(element, "font-weight") == "bold", letters[0].FontName!.Contains("Bold", StringComparison.Ordinal));
            Assert.Equal(Of(element, "fill")!.ToLowerInvariant(), Colour(letters[0].Color));
        }
    }

    [Theory]
    [MemberData(nameof(Drawings))]
    public void Every_shape_is_at_its_place_and_looks_as_it_should(string name)
    {
        var svg = XElement.Parse(Made[name]);
        using var file = Open(Made[name]);
        var page = file.GetPage(1);
        var shapes = Placed(svg).Where(placed => placed.Element.Name.LocalName is "rect" or "circle" or "path").ToArray();
        Assert.Equal(shapes.Length, page.Paths.Count);
        foreach (var ((element, left, top), path) in shapes.Zip(page.Paths))
        {
            var (fill, stroke) = (Of(element, "fill"), Of(element, "stroke") ?? "none");
            var isLine = Regex.IsMatch((string?)element.Attribute("d") ?? "", @"^(M[-\d. ]+[HhVvLl]?[-\d. ]*)+$");
            Assert.Equal((fill != "none" && !isLine, stroke != "none"), (path.IsFilled, path.IsStroked));
            if (path.IsFilled) Assert.Equal(fill!.ToLowerInvariant(), Colour(path.FillColor));
            if (path.IsStroked)
            {
                Assert.Equal(stroke.ToLowerInvariant(), Colour(path.StrokeColor));
                Assert.Equal(double.Parse(Of(element, "stroke-width") ?? "1", CultureInfo.InvariantCulture), path.LineWidth, 3);
                Assert.Equal(Of(element, "stroke-dasharray") ?? "", string.Join(' ', path.LineDashPattern?.Array ?? []));
                Assert.Equal(Of(element, "stroke-linecap") ?? "butt", $"{path.LineCapStyle}".ToLowerInvariant());
            }
            var box = Box(element);
            var drawn = path.SelectMany(part => part.Commands).SelectMany(Along).ToArray();
            Near(page, left + box.Left, top + box.Top, drawn.Min(p => p.X), drawn.Max(p => p.Y));
            Near(page, left + box.Right, top + box.Bottom, drawn.Max(p => p.X), drawn.Min(p => p.Y));
        }
        // Opacities, in the order of the shapes and texts that have one.
        var states = (DictionaryToken)Resource(file, "ExtGState");
        var opaque = page.Operations.OfType<UglyToad.PdfPig.Graphics.Operations.SpecialGraphicsState.SetGraphicsStateParametersFromDictionary>().Select(operation => (DictionaryToken)states.Data[operation.Name.Data]);
        Assert.Equal(
            svg.Descendants().Where(e => e.Name.LocalName is "path" && (Of(e, "stroke-opacity") ?? Of(e, "fill-opacity")) is not (null or "1")).Select(e => (Of(e, "stroke-opacity") ?? "1", Of(e, "fill-opacity") ?? "1")),
            opaque.Select(state => (Text(state.Data["CA"]), Text(state.Data["ca"]))));

        static string Text(IToken number) => ((NumericToken)number).Data.ToString(CultureInfo.InvariantCulture);
    }

    [Fact]
    public void Paths_are_drawn_step_by_step()
    {
        using var file = Open(Svg("""<path d="M10 20L30 20l5 -5H60h-2.5V40v10C1 2 3 4 50 60ZM1 1 2 2" stroke="#000000"/><rect x="1" y="2" width="30" height="20" rx="4"/><circle cx="50" cy="40" r="5"/>"""));
        var page = file.GetPage(1);
        string[] expected = ["M10 20", "L30 20", "L35 15", "L60 15", "L57.5 15", "L57.5 40", "L57.5 50", "C1 2 3 4 50 60", "Z", "M1 1", "L2 2"];
        Assert.Equal(expected, page.Paths[0].SelectMany(part => part.Commands).Select(Step));
        Assert.Equal(["M5 2", "L27 2", "C", "L31 18", "C", "L5 22", "C", "L1 6", "C", "Z"], page.Paths[1].SelectMany(part => part.Commands).Select(command => Step(command) is ['C', ..] ? "C" : Step(command)));
        // Every point of the curves is as far from the middle.
        foreach (var curve in page.Paths[2].SelectMany(part => part.Commands).OfType<PdfSubpath.CubicBezierCurve>())
        {
            foreach (var (x, y) in Along(curve)) Assert.Equal(5, Math.Sqrt(Math.Pow(x / Points - 50, 2) + Math.Pow((page.Height - y) / Points - 40, 2)), 0.002);
        }

        string Step(PdfSubpath.IPathCommand command) => command switch
        {
            PdfSubpath.Move move => $"M{At(move.Location)}",
            PdfSubpath.Line line => $"L{At(line.To)}",
            PdfSubpath.CubicBezierCurve curve => $"C{At(curve.FirstControlPoint)} {At(curve.SecondControlPoint)} {At(curve.EndPoint)}",
            PdfSubpath.Close => "Z",
            _ => "?",
        };
        string At(PdfPoint point) => string.Create(CultureInfo.InvariantCulture, $"{Math.Round(point.X / Points, 3)} {Math.Round((page.Height - point.Y) / Points, 3)}");
    }

    [Theory]
    [InlineData("plain ASCII ~ !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}", "plain ASCII ~ !\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}")]
    [InlineData("naïve Ångström · 5 − 3 … “ß” œuvre č ő ł", "naïve Ångström · 5 − 3 … “ß” œuvre č ő ł")]
    [InlineData("α→β 漢字 😀 x", "??? ?? ? x")]
    [InlineData(") Tj ET endstream endobj %PDF \\( \\", ") Tj ET endstream endobj %PDF \\( \\")]
    public void Texts_are_shown_as_far_as_the_font_goes(string text, string shown)
    {
        var svg = new CurvePlot { Title = text, Series = [] }.ToSvg();
        using var file = Open(svg);
        Assert.Equal(text, file.Information.Title);
        Assert.Contains(shown, file.GetPage(1).Letters.GroupBy(letter => letter.TextSequence).Select(letters => string.Concat(letters.Select(letter => letter.Value))));
    }

    [Fact]
    public void A_text_with_more_letters_than_codes_is_shown_in_part()
    {
        // Of all letters of the font 128 have a code besides ASCII.
        var all = string.Concat(Enumerable.Range(0xA1, 0x180 - 0xA1).Select(c => (char)c));
        using var file = Open(Svg($"""<text x="1" y="9" font-size="9">{all}</text>"""));
        var shown = file.GetPage(1).Letters.Select(letter => letter.Value).ToArray();
        Assert.Equal(all.Length, shown.Length);
        Assert.Equal(128, all.Zip(shown).Count(pair => $"{pair.First}" == pair.Second));
        Assert.All(all.Zip(shown), pair => Assert.True($"{pair.First}" == pair.Second || pair.Second == "?"));
    }

    [Fact]
    public void Spaces_are_as_in_svg()
    {
        using var file = Open(Svg("""<text x="1" y="9" font-size="9">  a   b </text>"""));
        Assert.Equal("a b", string.Concat(file.GetPage(1).Letters.Select(letter => letter.Value)));
    }

    /// <summary>A drawing that begins to use more of SVG fails here, and then SvgPdf learns it.</summary>
    [Theory]
    [InlineData("<ellipse rx=\"3\" ry=\"4\"/>")]
    [InlineData("<rect width=\"3\" height=\"4\" ry=\"2\"/>")]
    [InlineData("<rect width=\"3\" height=\"4\" style=\"fill:red\"/>")]
    [InlineData("<rect width=\"3\" height=\"4\" opacity=\"0.5\"/>")]
    [InlineData("<rect width=\"3\"/>")]
    [InlineData("<path d=\"M1 1Q2 2 3 3\"/>")]
    [InlineData("<path d=\"M1 1L2 2Z3 3\"/>")]
    [InlineData("<path d=\"M1 1L2 2\" stroke=\"#000000\" stroke-linecap=\"square\"/>")]
    [InlineData("<g transform=\"scale(2)\"/>")]
    [InlineData("<text font-size=\"9\">a<tspan>b</tspan></text>")]
    [InlineData("<text font-size=\"9\" stroke=\"#000000\">a</text>")]
    public void What_no_drawing_has_is_refused(string element) => Assert.Throws<NotSupportedException>(() => SvgPdf.Convert(Svg(element)));

    [Theory]
    [MemberData(nameof(Drawings))]
    public void The_same_drawing_gives_the_same_bytes_and_a_whole_file(string name)
    {
        var bytes = SvgPdf.Convert(Made[name]);
        Assert.Equal(bytes, SvgPdf.Convert(Made[name]));
        var text = Encoding.Latin1.GetString(bytes);
        Assert.DoesNotMatch("Date|/ID", text);
        // The table at the end says where each object begins.
        var table = int.Parse(Regex.Match(text, @"startxref\n(\d+)\n%%EOF\n$").Groups[1].Value, CultureInfo.InvariantCulture);
        var entries = Regex.Matches(text[table..], @"^(\d{10}) 00000 n $", RegexOptions.Multiline);
        Assert.StartsWith($"xref\n0 {entries.Count + 1}\n0000000000 65535 f \n", text[table..], StringComparison.Ordinal);
        for (var i = 0; i < entries.Count; i++) Assert.StartsWith($"{i + 1} 0 obj", text[int.Parse(entries[i].Groups[1].Value, CultureInfo.InvariantCulture)..], StringComparison.Ordinal);
        Assert.Equal(7, entries.Count);
    }

    [Fact]
    public void A_large_drawing_can_be_cancelled() =>
        Assert.Throws<OperationCanceledException>(() => SvgPdf.Convert(Made["circuit"], new CancellationToken(canceled: true)));

    [Fact]
    public void The_name_says_what_a_picture_is()
    {
        foreach (var (path, start) in ((string, string)[])[("a.svg", "<svg"), ("a", "<svg"), ("b.pdf/a", "<svg"), ("a.pdf", "%PDF-1.7"), ("a.svg.PDF", "%PDF-1.7")])
        {
            using var written = new MemoryStream();
            PictureFile.ToOutput(path, Made["curve"]).Write(written);
            Assert.StartsWith(start, Encoding.Latin1.GetString(written.ToArray()), StringComparison.Ordinal);
        }
        Assert.All((string[])["a.svg", "a.Pdf", "/dev/stdout", "a"], path => Assert.True(PictureFile.IsKnown(path)));
        Assert.All((string[])["a.png", "a.pdf.gz"], path => Assert.False(PictureFile.IsKnown(path)));
    }

    private static CurvePlot Curve(bool logarithmic) => new()
    {
        Title = "A (curve) of 50% \\ more",
        LogarithmicX = logarithmic,
        Series = [.. Enumerable.Range(0, 9).Select(i => new PlotSeries($"line \"{i}\"", [10, 100, 1000, 3000], [i - 4, i + 1, double.NaN, i + 2], [i - 5, i, i, i + 1], [i + 1, i + 2, i + 2, i + 3]))],
        Levels = [(1, "whole model"), (0, "corrupted run")],
    };

    private static string Spans()
    {
        var graph = new SpanGraph(new(2, 2), ["who", "\"<b>", "rest"]);
        var random = new Random(3);
        var circuit = new SpanCircuit(graph, graph.AllEdges.Where(_ => random.Next(4) == 0));
        using var svg = new MemoryStream();
        SpanDrawing.ToOutput("a.svg", circuit, new(graph, [.. Enumerable.Range(0, graph.Entries).Select(_ => random.NextDouble() - 0.5)]), "Spans").Write(svg);
        return Encoding.UTF8.GetString(svg.ToArray());
    }

    internal static string Svg(string content) => $"""<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 200 100" width="200" height="100">{content}</svg>""";

    private static PdfDocument Open(string svg) => PdfDocument.Open(SvgPdf.Convert(svg), new ParsingOptions { UseLenientParsing = false });

    private static IToken Resource(PdfDocument file, string name) => ((DictionaryToken)file.GetPage(1).Dictionary.Data["Resources"]).Data[name];

    /// <summary>Elements with where their coordinates begin.</summary>
    private static IEnumerable<(XElement Element, double Left, double Top)> Placed(XElement svg)
    {
        foreach (var element in svg.Descendants())
        {
            double left = 0, top = 0;
            foreach (var place in element.AncestorsAndSelf())
            {
                var move = Regex.Match((string?)place.Attribute("transform") ?? "", @"^translate\(([-\d.]+) ([-\d.]+)\)");
                if (!move.Success) continue;
                left += double.Parse(move.Groups[1].Value, CultureInfo.InvariantCulture);
                top += double.Parse(move.Groups[2].Value, CultureInfo.InvariantCulture);
            }
            yield return (element, left, top);
        }
    }

    /// <summary>What an element or what is around it says.</summary>
    private static string? Of(XElement element, string name) => element.AncestorsAndSelf().Select(e => (string?)e.Attribute(name)).FirstOrDefault(value => value is not null);

    private static (double Left, double Top, double Right, double Bottom) Box(XElement element)
    {
        double Value(string name) => (double?)element.Attribute(name) ?? 0;
        if (element.Name.LocalName == "rect") return (Value("x"), Value("y"), Value("x") + Value("width"), Value("y") + Value("height"));
        if (element.Name.LocalName == "circle") return (Value("cx") - Value("r"), Value("cy") - Value("r"), Value("cx") + Value("r"), Value("cy") + Value("r"));
        var points = Along((string)element.Attribute("d")!).ToArray();
        return (points.Min(p => p.X), points.Min(p => p.Y), points.Max(p => p.X), points.Max(p => p.Y));
    }

    /// <summary>Points of a path: its corners, and many along each curve.</summary>
    private static IEnumerable<(double X, double Y)> Along(string path)
    {
        double x = 0, y = 0;
        foreach (Match step in Regex.Matches(path, @"([MLHVChvlZ])([-\d. ]*)"))
        {
            var n = Regex.Matches(step.Groups[2].Value, @"-?[\d.]+").Select(m => double.Parse(m.Value, CultureInfo.InvariantCulture)).ToArray();
            var (fromX, fromY) = (x, y);
            (x, y) = step.Groups[1].Value switch
            {
                "M" or "L" => (n[0], n[1]), "l" => (x + n[0], y + n[1]), "H" => (n[0], y), "h" => (x + n[0], y), "V" => (x, n[0]), "v" => (x, y + n[0]), "C" => (n[4], n[5]), _ => (x, y),
            };
            yield return (x, y);
            if (step.Groups[1].Value == "C") foreach (var point in Along(new(fromX, fromY), new(n[0], n[1]), new(n[2], n[3]), new(x, y))) yield return point;
        }
    }

    private static IEnumerable<(double X, double Y)> Along(PdfSubpath.IPathCommand command) => command switch
    {
        PdfSubpath.Move move => [(move.Location.X, move.Location.Y)],
        PdfSubpath.Line line => [(line.To.X, line.To.Y)],
        PdfSubpath.CubicBezierCurve curve => [.. Along(curve.StartPoint, curve.FirstControlPoint, curve.SecondControlPoint, curve.EndPoint), (curve.EndPoint.X, curve.EndPoint.Y)],
        _ => [],
    };

    private static IEnumerable<(double X, double Y)> Along(PdfPoint from, PdfPoint first, PdfPoint second, PdfPoint to)
    {
        for (var t = 0.0; t < 1; t += 0.002)
        {
            double a = (1 - t) * (1 - t) * (1 - t), b = 3 * t * (1 - t) * (1 - t), c = 3 * t * t * (1 - t), d = t * t * t;
            yield return (a * from.X + b * first.X + c * second.X + d * to.X, a * from.Y + b * first.Y + c * second.Y + d * to.Y);
        }
    }

    private static void Near(Page page, double x, double y, double pdfX, double pdfY)
    {
        Assert.Equal(Points * x, pdfX, 0.02);
        Assert.Equal(page.Height - Points * y, pdfY, 0.02);
    }

    private static string Colour(IColor? colour)
    {
        var (red, green, blue) = colour!.ToRGBValues();
        return string.Concat(((double[])[red, green, blue]).Select(part => ((int)Math.Round(part * 255)).ToString("x2", CultureInfo.InvariantCulture)).Prepend("#"));
    }
}
