using System.Text;
using UglyToad.PdfPig.Fonts;
using UglyToad.PdfPig.Fonts.Standard14Fonts;
using UglyToad.PdfPig.Tokens;

namespace Faith.Engine.Reports;

/// <summary>
/// A font that every reader of PDF has, so that none is embedded. It has the letters of Latin scripts and few signs; what it lacks is shown as a question mark.
/// </summary>
internal sealed class PdfFont
{
    private const byte FirstOwnCode = 128;
    private readonly string fontName;
    private readonly Dictionary<string, (string Name, double Width)> glyphs = [];
    // ASCII stands for itself; what else a text needs gets the codes above it, as it comes.
    private readonly List<string> ownGlyphs = [];

    /// <summary>A font that a page calls by a name.</summary>
    public PdfFont(string name, Standard14Font font)
    {
        var metrics = Standard14.GetAdobeFontMetrics(font);
        (Name, fontName) = (NameToken.Create(name), metrics.FontName);
        foreach (var (glyph, metric) in metrics.CharacterMetrics)
        {
            if (GlyphList.AdobeGlyphList.NameToUnicode(glyph) is { } text) glyphs.TryAdd(text, (glyph, metric.Width.X / 1000));
        }
    }

    /// <summary>Its name on the page.</summary>
    public NameToken Name { get; }

    /// <summary>The codes that show a text, and how wide it is at size 1.</summary>
    public (byte[] Codes, double Width) Encode(string text)
    {
        var codes = new List<byte>(text.Length);
        var width = 0.0;
        foreach (var rune in text.EnumerateRunes())
        {
            var shown = Rune.IsWhiteSpace(rune) ? " " : rune.ToString();
            if (CodeOf(shown) is not { } code) (shown, code) = ("?", (byte)'?');
            codes.Add(code);
            width += glyphs[shown].Width;
        }
        return ([.. codes], width);
    }

    /// <summary>What a page says of it, after the last text.</summary>
    public DictionaryToken Describe() => PdfFile.Dictionary(
        ("Type", NameToken.Create("Font")), ("Subtype", NameToken.Create("Type1")), ("BaseFont", NameToken.Create(fontName)),
        ("Encoding", PdfFile.Dictionary(("Type", NameToken.Create("Encoding")), ("BaseEncoding", NameToken.Create("WinAnsiEncoding")),
            ("Differences", new ArrayToken([new NumericToken(FirstOwnCode), .. ownGlyphs.Select(NameToken.Create)])))));

    private byte? CodeOf(string character)
    {
        if (!glyphs.TryGetValue(character, out var glyph)) return null;
        if (character[0] < FirstOwnCode) return (byte)character[0];
        if (!ownGlyphs.Contains(glyph.Name))
        {
            if (FirstOwnCode + ownGlyphs.Count > byte.MaxValue) return null;
            ownGlyphs.Add(glyph.Name);
        }
        return (byte)(FirstOwnCode + ownGlyphs.IndexOf(glyph.Name));
    }
}
