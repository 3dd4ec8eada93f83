using System.Globalization;
using System.Text;

namespace Faith.Engine.Reports;

/// <summary>Text for SVG, HTML and DOT: numbers the same in every country, anything from outside escaped.</summary>
internal static class SvgText
{
    /// <summary>Fonts that any viewer has one of.</summary>
    public const string Fonts = "Helvetica, Arial, 'DejaVu Sans', 'Liberation Sans', sans-serif";

    /// <summary>Most characters of a title: pictures are made wide enough for theirs.</summary>
    public const int LongestTitle = 200;

    /// <summary>A coordinate: a tenth of a pixel is enough.</summary>
    public static string Number(double value)
    {
        var rounded = Math.Round(value, 1);
        return (rounded == 0 ? 0 : rounded).ToString("0.#", CultureInfo.InvariantCulture);
    }

    /// <summary>A value to read: four significant digits.</summary>
    public static string Value(double value) => Figures.Short(value);

    /// <summary>Text for an element or a quoted attribute, as one line that shows all of its characters.</summary>
    public static string Escape(string text)
    {
        var result = new StringBuilder(text.Length + 8);
        foreach (var c in PlainText.Line(text))
        {
            result.Append(c switch
            {
                '&' => "&amp;",
                '<' => "&lt;",
                '>' => "&gt;",
                '"' => "&quot;",
                '\'' => "&#39;",
                // XML cannot hold these two.
                '\uFFFE' or '\uFFFF' => "?",
                _ => c.ToString(),
            });
        }
        return result.ToString();
    }

    /// <summary>A rough width of text, for places that must leave room for it.</summary>
    public static double Width(string text, double size) => text.Length * size * 0.54;
}
