using System.Globalization;
using System.IO.Compression;
using System.Text;
using UglyToad.PdfPig.Core;
using UglyToad.PdfPig.Graphics.Operations;
using UglyToad.PdfPig.Tokens;
using UglyToad.PdfPig.Writer;

namespace Faith.Engine.Reports;

/// <summary>
/// A PDF of one page (ISO 32000-1, 7.5). PdfPig writes every object in it; its order and its table are written here, as PdfPig's own builder of documents puts a random number
/// into each and offers no opacity. The same page gives the same bytes.
/// </summary>
internal static class PdfFile
{
    private const int Pages = 2, Page = 3, Content = 4, Information = 5;

    /// <summary>The file.</summary>
    /// <param name="title">What readers call it.</param>
    /// <param name="width">Width in points, 72 an inch.</param>
    /// <param name="height">Height in points.</param>
    /// <param name="drawing">What is drawn.</param>
    /// <param name="fonts">The fonts that the drawing calls by their names.</param>
    /// <param name="states">The graphics states that it calls by theirs.</param>
    public static byte[] Create(string title, double width, double height, IEnumerable<IGraphicsStateOperation> drawing, IReadOnlyList<PdfFont> fonts, DictionaryToken states)
    {
        var content = Compressed(drawing);
        var resources = Dictionary(("Font", Dictionary(fonts.Select((font, i) => (font.Name.Data, (IToken)Reference(Information + 1 + i))))), ("ExtGState", states));
        IToken[] objects =
        [
            Dictionary(("Type", NameToken.Create("Catalog")), ("Pages", Reference(Pages))),
            Dictionary(("Type", NameToken.Create("Pages")), ("Kids", new ArrayToken([Reference(Page)])), ("Count", new NumericToken(1))),
            Dictionary(("Type", NameToken.Create("Page")), ("Parent", Reference(Pages)), ("Contents", Reference(Content)), ("Resources", resources),
                ("MediaBox", new ArrayToken([new NumericToken(0), new NumericToken(0), new NumericToken(width), new NumericToken(height)]))),
            new StreamToken(Dictionary(("Length", new NumericToken(content.Length)), ("Filter", NameToken.Create("FlateDecode"))), content),
            Dictionary(("Title", new HexToken(Convert.ToHexString([0xFE, 0xFF, .. Encoding.BigEndianUnicode.GetBytes(title)])))),
            .. fonts.Select(font => font.Describe()),
        ];
        using var file = new MemoryStream();
        // Bytes above 127 tell programs that move files that this one is not text.
        file.Write("%PDF-1.7\n%ÄÖÜß\n"u8);
        var table = new StringBuilder().Append(CultureInfo.InvariantCulture, $"xref\n0 {objects.Length + 1}\n0000000000 65535 f \n");
        for (var i = 0; i < objects.Length; i++)
        {
            table.Append(CultureInfo.InvariantCulture, $"{file.Position:0000000000} 00000 n \n");
            TokenWriter.Instance.WriteToken(new ObjectToken(XrefLocation.File(file.Position), new IndirectReference(i + 1, 0), objects[i]), file);
        }
        table.Append(CultureInfo.InvariantCulture, $"trailer\n<< /Size {objects.Length + 1} /Root 1 0 R /Info {Information} 0 R >>\nstartxref\n{file.Position}\n%%EOF\n");
        file.Write(Encoding.ASCII.GetBytes(table.ToString()));
        return file.ToArray();
    }

    /// <summary>A dictionary whose entries stay in their order.</summary>
    public static DictionaryToken Dictionary(params IEnumerable<(string Name, IToken Value)> entries) => new(entries.ToDictionary(entry => NameToken.Create(entry.Name), entry => entry.Value));

    /// <summary>A coordinate: numbers of PDF have no exponent, and sums a long tail.</summary>
    public static double Rounded(double value) => Math.Round(value, 4);

    private static IndirectReferenceToken Reference(int number) => new(new IndirectReference(number, 0));

    private static byte[] Compressed(IEnumerable<IGraphicsStateOperation> drawing)
    {
        using var bytes = new MemoryStream();
        using (var content = new BufferedStream(new ZLibStream(bytes, CompressionLevel.Optimal)))
            foreach (var operation in drawing) operation.Write(content);
        return bytes.ToArray();
    }
}
