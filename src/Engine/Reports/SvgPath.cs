using System.Globalization;
using System.Text.RegularExpressions;
using UglyToad.PdfPig.Graphics.Operations;
using UglyToad.PdfPig.Graphics.Operations.PathConstruction;

namespace Faith.Engine.Reports;

/// <summary>A path of SVG as one of PDF, which has only absolute moves, lines and cubic curves.</summary>
internal sealed partial class SvgPath
{
    // A quarter of a circle of radius 1 as a cubic curve: how far its control points are from its ends.
    private const double Quarter = 0.5522847498;

    private readonly List<IGraphicsStateOperation> steps = [];
    private double x, y, startX, startY;

    /// <summary>The path that an attribute d describes.</summary>
    /// <exception cref="NotSupportedException">It has a command that no drawing of ours had.</exception>
    public static IReadOnlyList<IGraphicsStateOperation> Parse(string data)
    {
        var path = new SvgPath();
        string[] parts = [.. Parts().Matches(data).Select(part => part.Value)];
        var (at, command) = (0, ' ');
        while (at < parts.Length)
        {
            if (char.IsAsciiLetter(parts[at][0])) command = parts[at++][0];
            switch (command)
            {
                case 'M': path.Move(Next(), Next()); command = 'L'; break;
                case 'L': path.Line(Next(), Next()); break;
                case 'l': path.Line(path.x + Next(), path.y + Next()); break;
                case 'H': path.Line(Next(), path.y); break;
                case 'h': path.Line(path.x + Next(), path.y); break;
                case 'V': path.Line(path.x, Next()); break;
                case 'v': path.Line(path.x, path.y + Next()); break;
                case 'C': path.Curve(Next(), Next(), Next(), Next(), Next(), Next()); break;
                case 'Z': path.Close(); command = ' '; break;
                default: throw new NotSupportedException($"no path had {parts[at - 1]} before: {data}");
            }
        }
        return path.steps;

        double Next() => double.Parse(parts[at++], CultureInfo.InvariantCulture);
    }

    /// <summary>A rectangle with rounded corners; with a radius of half its sides it is a circle.</summary>
    public static IReadOnlyList<IGraphicsStateOperation> Rectangle(double left, double top, double width, double height, double radius)
    {
        if (radius == 0) return [new AppendRectangle(left, top, width, height)];
        var path = new SvgPath();
        var (right, bottom, control) = (left + width, top + height, radius * (1 - Quarter));
        path.Move(left + radius, top);
        path.Line(right - radius, top);
        path.Curve(right - control, top, right, top + control, right, top + radius);
        path.Line(right, bottom - radius);
        path.Curve(right, bottom - control, right - control, bottom, right - radius, bottom);
        path.Line(left + radius, bottom);
        path.Curve(left + control, bottom, left, bottom - control, left, bottom - radius);
        path.Line(left, top + radius);
        path.Curve(left, top + control, left + control, top, left + radius, top);
        path.Close();
        return path.steps;
    }

    /// <summary>True for straight lines alone, each by itself.</summary>
    public static bool AreLines(IReadOnlyList<IGraphicsStateOperation> path) =>
        path.All(step => step is BeginNewSubpath or AppendStraightLineSegment) && path.Count(step => step is AppendStraightLineSegment) <= path.Count(step => step is BeginNewSubpath);

    private void Move(double toX, double toY)
    {
        (x, y, startX, startY) = (toX, toY, toX, toY);
        steps.Add(new BeginNewSubpath(PdfFile.Rounded(x), PdfFile.Rounded(y)));
    }

    private void Line(double toX, double toY)
    {
        (x, y) = (toX, toY);
        steps.Add(new AppendStraightLineSegment(PdfFile.Rounded(x), PdfFile.Rounded(y)));
    }

    private void Curve(double firstX, double firstY, double secondX, double secondY, double toX, double toY)
    {
        (x, y) = (toX, toY);
        steps.Add(new AppendDualControlPointBezierCurve(PdfFile.Rounded(firstX), PdfFile.Rounded(firstY), PdfFile.Rounded(secondX), PdfFile.Rounded(secondY), PdfFile.Rounded(x), PdfFile.Rounded(y)));
    }

    private void Close()
    {
        (x, y) = (startX, startY);
        steps.Add(CloseSubpath.Value);
    }

    [GeneratedRegex(@"[A-Za-z]|-?[\d.]+")]
    private static partial Regex Parts();
}
