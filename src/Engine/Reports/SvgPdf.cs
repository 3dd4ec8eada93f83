using System.Globalization;
using System.Xml.Linq;
using UglyToad.PdfPig.Fonts.Standard14Fonts;
using UglyToad.PdfPig.Graphics.Core;
using UglyToad.PdfPig.Graphics.Operations;
using UglyToad.PdfPig.Graphics.Operations.General;
using UglyToad.PdfPig.Graphics.Operations.PathPainting;
using UglyToad.PdfPig.Graphics.Operations.SpecialGraphicsState;
using UglyToad.PdfPig.Graphics.Operations.TextObjects;
using UglyToad.PdfPig.Graphics.Operations.TextPositioning;
using UglyToad.PdfPig.Graphics.Operations.TextShowing;
using UglyToad.PdfPig.Graphics.Operations.TextState;
using UglyToad.PdfPig.Tokens;

namespace Faith.Engine.Reports;

/// <summary>
/// A drawing of ours as PDF: the same shapes, colours, lines and texts at the same places, a pixel (1/96 inch) being three quarters of a point. It knows the part of SVG that our
/// drawings use. Anything else is an error of the drawing, so that one which begins to use more is noticed.
/// </summary>
internal sealed class SvgPdf
{
    private const double PointsPerPixel = 0.75;
    private static readonly string[] Inherited =
        ["fill", "fill-opacity", "stroke", "stroke-opacity", "stroke-width", "stroke-dasharray", "stroke-linecap", "stroke-linejoin", "font-family", "font-size", "font-weight", "text-anchor"];

    private readonly List<IGraphicsStateOperation> drawing = [];
    private readonly PdfFont regular = new("Regular", Standard14Font.Helvetica), bold = new("Bold", Standard14Font.HelveticaBold);
    private readonly Dictionary<(double Stroke, double Fill), NameToken> opacities = [];

    /// <summary>A drawing as the bytes of a PDF.</summary>
    /// <exception cref="NotSupportedException">It uses something of SVG that no drawing of ours did.</exception>
    public static byte[] Convert(string svg, CancellationToken cancellation = default)
    {
        var root = XElement.Parse(svg);
        var (width, height) = (PdfFile.Rounded(PointsPerPixel * Number(root, "width")), PdfFile.Rounded(PointsPerPixel * Number(root, "height")));
        if ((string?)root.Attribute("viewBox") != $"0 0 {(string?)root.Attribute("width")} {(string?)root.Attribute("height")}") throw new NotSupportedException("a drawing's view box is its size");
        var page = new SvgPdf();
        // SVG goes down from the top, PDF up from the bottom.
        page.Move(PointsPerPixel, 0, 0, -PointsPerPixel, 0, height);
        page.Draw(root, new Dictionary<string, string> { ["fill"] = "#000000", ["stroke"] = "none" }, cancellation);
        var states = PdfFile.Dictionary(page.opacities.Select(entry => (entry.Value.Data, (IToken)PdfFile.Dictionary(("CA", new NumericToken(entry.Key.Stroke)), ("ca", new NumericToken(entry.Key.Fill))))));
        return PdfFile.Create(root.Elements().FirstOrDefault(element => element.Name.LocalName == "title")?.Value ?? "", width, height, page.drawing, [page.regular, page.bold], states);
    }

    private void Draw(XElement element, IReadOnlyDictionary<string, string> above, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        var look = new Dictionary<string, string>(above);
        var name = element.Name.LocalName;
        string[] own = name switch
        {
            "svg" => ["viewBox", "width", "height", "xmlns"],
            "g" => ["transform"],
            "rect" => ["x", "y", "width", "height", "rx"],
            "circle" => ["cx", "cy", "r"],
            "path" => ["d"],
            "text" => ["x", "y", "transform"],
            // Tips, and what a pointer does.
            "title" or "style" => [],
            _ => throw new NotSupportedException($"no drawing had a {name} before"),
        };
        foreach (var attribute in element.Attributes())
        {
            var key = attribute.Name.LocalName;
            if (Inherited.Contains(key)) look[key] = attribute.Value;
            else if (!own.Contains(key) && key != "class" && !key.StartsWith("data-", StringComparison.Ordinal)) throw new NotSupportedException($"no {name} had a {key} before");
        }
        switch (name)
        {
            case "svg" or "g":
                drawing.Add(Push.Value);
                Transform(element);
                foreach (var child in element.Elements()) Draw(child, look, cancellation);
                drawing.Add(Pop.Value);
                break;
            case "rect":
                Paint(look, SvgPath.Rectangle(Number(element, "x", 0), Number(element, "y", 0), Number(element, "width"), Number(element, "height"), Number(element, "rx", 0)));
                break;
            case "circle":
                var radius = Number(element, "r");
                Paint(look, SvgPath.Rectangle(Number(element, "cx") - radius, Number(element, "cy") - radius, 2 * radius, 2 * radius, radius));
                break;
            case "path":
                Paint(look, SvgPath.Parse((string)element.Attribute("d")!));
                break;
            case "text":
                Text(element, look);
                break;
        }
    }

    private void Paint(Dictionary<string, string> look, IReadOnlyList<IGraphicsStateOperation> path)
    {
        // A straight line has nothing inside, but some readers of PDF fill it all the same, a hair wide.
        var (fills, strokes) = (look["fill"] != "none" && !SvgPath.AreLines(path), look["stroke"] != "none");
        if (!fills && !strokes) return;
        drawing.Add(Push.Value);
        Fill(look);
        if (strokes)
        {
            var (red, green, blue) = Colour(look["stroke"]);
            drawing.Add(new SetStrokeColorDeviceRgb(red, green, blue));
            drawing.Add(new SetLineWidth(Value(look, "stroke-width", 1)));
            drawing.Add(new SetLineCap(look.GetValueOrDefault("stroke-linecap", "butt") switch { "butt" => LineCapStyle.Butt, "round" => LineCapStyle.Round, var other => throw new NotSupportedException(other) }));
            drawing.Add(new SetLineJoin(look.GetValueOrDefault("stroke-linejoin", "miter") switch { "miter" => LineJoinStyle.Miter, "round" => LineJoinStyle.Round, var other => throw new NotSupportedException(other) }));
            // The limit that SVG has unless told another; that of PDF is 10.
            drawing.Add(new SetMiterLimit(4));
            if (look.TryGetValue("stroke-dasharray", out var dashes)) drawing.Add(new SetLineDashPattern([.. dashes.Split(' ').Select(Parse)], 0));
        }
        drawing.AddRange(path);
        drawing.Add((fills, strokes) switch { (true, true) => FillPathNonZeroWindingAndStroke.Value, (true, false) => FillPathNonZeroWinding.Value, _ => StrokePath.Value });
        drawing.Add(Pop.Value);
    }

    private void Text(XElement element, Dictionary<string, string> look)
    {
        var font = look.GetValueOrDefault("font-weight", "normal") switch { "normal" => regular, "bold" => bold, var other => throw new NotSupportedException(other) };
        var size = Parse(look["font-size"]);
        // Spaces that follow one another are one in SVG.
        var (codes, width) = font.Encode(string.Join(' ', element.Value.Split(' ', StringSplitOptions.RemoveEmptyEntries)));
        var anchor = look.GetValueOrDefault("text-anchor", "start") switch { "start" => 0, "middle" => 0.5, "end" => 1, var other => throw new NotSupportedException(other) };
        if (element.HasElements || look["stroke"] != "none") throw new NotSupportedException("no text had parts or an outline before");
        drawing.Add(Push.Value);
        Fill(look);
        Transform(element);
        drawing.Add(BeginText.Value);
        drawing.Add(new SetFontAndSize(font.Name, size));
        drawing.Add(new SetTextMatrix([1, 0, 0, -1, PdfFile.Rounded(Number(element, "x", 0) - anchor * width * size), Number(element, "y", 0)]));
        drawing.Add(new ShowText(codes));
        drawing.Add(EndText.Value);
        drawing.Add(Pop.Value);
    }

    private void Fill(Dictionary<string, string> look)
    {
        if (look["fill"] != "none")
        {
            var (red, green, blue) = Colour(look["fill"]);
            drawing.Add(new SetNonStrokeColorDeviceRgb(red, green, blue));
        }
        var opacity = (Value(look, "stroke-opacity", 1), Value(look, "fill-opacity", 1));
        if (opacity == (1, 1)) return;
        if (!opacities.TryGetValue(opacity, out var name)) opacities.Add(opacity, name = NameToken.Create($"Opacity{opacities.Count + 1}"));
        drawing.Add(new SetGraphicsStateParametersFromDictionary(name));
    }

    private void Transform(XElement element)
    {
        foreach (var part in ((string?)element.Attribute("transform"))?.Split(") ") ?? [])
        {
            if (part.Split('(', ' ', ')') is ["translate", var x, var y, ..]) Move(1, 0, 0, 1, Parse(x), Parse(y));
            else if (part.Split('(', ')') is ["rotate", var angle, ..]) Turn(Parse(angle));
            else throw new NotSupportedException($"no drawing had {part} before");
        }
    }

    private void Turn(double degrees)
    {
        var (sine, cosine) = Math.SinCos(degrees / 180 * Math.PI);
        Move(PdfFile.Rounded(cosine), PdfFile.Rounded(sine), PdfFile.Rounded(-sine), PdfFile.Rounded(cosine), 0, 0);
    }

    private void Move(params double[] matrix) => drawing.Add(new ModifyCurrentTransformationMatrix(matrix));

    private static (double Red, double Green, double Blue) Colour(string colour)
    {
        var value = int.Parse(colour.AsSpan(1), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
        return (PdfFile.Rounded((value >> 16) / 255.0), PdfFile.Rounded((value >> 8 & 255) / 255.0), PdfFile.Rounded((value & 255) / 255.0));
    }

    private static double Value(Dictionary<string, string> look, string name, double otherwise) => look.TryGetValue(name, out var value) ? Parse(value) : otherwise;

    private static double Number(XElement element, string name, double? otherwise = null) =>
        (string?)element.Attribute(name) is { } value ? Parse(value) : otherwise ?? throw new NotSupportedException($"a {element.Name.LocalName} without {name}");

    private static double Parse(string number) => double.Parse(number, CultureInfo.InvariantCulture);
}
