using System.Diagnostics;
using System.Text;
using System.Xml.Linq;
using Faith.Engine.Reports;
using Xunit;

namespace Faith.Engine.Tests.Reports;

/// <summary>PDFs of drawings in another program than the one that wrote them.</summary>
public sealed class PopplerTests
{
    /// <summary>What another program shows: opacities, dashes and colours by their pixels, and texts where they can be searched and copied.</summary>
    [PopplerFact]
    public void Poppler_shows_what_is_drawn()
    {
        var folder = Directory.CreateTempSubdirectory("faith-pdf-");
        string Run(string program, params string[] args)
        {
            var start = new ProcessStartInfo(program, args) { RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = folder.FullName };
            using var process = Process.Start(start)!;
            var error = process.StandardError.ReadToEndAsync();
            var output = process.StandardOutput.ReadToEnd();
            process.WaitForExit();
            Assert.Equal((0, ""), (process.ExitCode, error.Result));
            return output;
        }
        try
        {
            foreach (var (name, svg) in SvgPdfTests.Made)
            {
                File.WriteAllBytes(Path.Combine(folder.FullName, "a.pdf"), SvgPdf.Convert(svg));
                var words = Run("pdftotext", "-layout", "a.pdf", "-").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
                foreach (var word in XElement.Parse(svg).Descendants().Where(e => e.Name.LocalName == "text").Where(e => e.Attribute("transform") is null).SelectMany(e => e.Value.Split(' '))) if (word.Length > 2) Assert.True(Array.Exists(words, w => w.Contains(word, StringComparison.Ordinal)), $"{name}: {word}");
            }
            File.WriteAllBytes(Path.Combine(folder.FullName, "a.pdf"), SvgPdf.Convert(SvgPdfTests.Svg("""
                <rect width="200" height="100" fill="#ffffff"/><rect x="10" y="10" width="40" height="40" fill="#0000ff"/><path d="M30 30H90" stroke="#ff0000" stroke-width="20" stroke-opacity="0.25" fill="none"/>
                <path d="M0 90H200" stroke="#000000" stroke-width="10" stroke-dasharray="20 10"/><rect x="100" y="10" width="40" height="40" rx="20" fill="#00ff00" fill-opacity="0.5" stroke="#000000" stroke-width="4"/>
                """)));
            Assert.Contains("150 x 75 pts", Run("pdfinfo", "a.pdf"), StringComparison.Ordinal);
            Assert.Contains("Helvetica-Bold", Run("pdffonts", "a.pdf"), StringComparison.Ordinal);
            // A point of the drawing is a pixel at 96 dots an inch.
            Run("pdftoppm", "-r", "96", "-aa", "no", "a.pdf", "a");
            var picture = File.ReadAllBytes(Directory.GetFiles(folder.FullName, "a*.ppm").Single());
            var header = Encoding.ASCII.GetBytes("P6\n200 100\n255\n");
            Assert.Equal(header, picture[..header.Length]);
            foreach (var (x, y, colour) in ((int, int, string)[])
                [(5, 5, "ffffff"), (15, 15, "0000ff"), (40, 30, "4000bf"), (70, 30, "ffbfbf"), (70, 45, "ffffff"), (10, 90, "000000"), (25, 90, "ffffff"), (35, 90, "000000"), (55, 90, "ffffff"),
                (120, 30, "80ff80"), (102, 12, "ffffff"), (120, 10, "000000")])
            {
                var at = header.Length + 3 * (y * 200 + x);
                for (var part = 0; part < 3; part++) Assert.True(Math.Abs(picture[at + part] - System.Convert.ToInt32(colour[(2 * part)..(2 * part + 2)], 16)) <= 2, $"{x} {y} is {System.Convert.ToHexString(picture[at..(at + 3)])}, not {colour}");
            }
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }
}
