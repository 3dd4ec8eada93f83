using Faith.Engine.Files;

namespace Faith.Engine.Reports;

/// <summary>A picture as a file: SVG, or a PDF of it.</summary>
public static class PictureFile
{
    /// <summary>The file name extensions of pictures.</summary>
    public static IReadOnlyList<string> Extensions { get; } = [".svg", ".pdf"];

    /// <summary>True where a picture may go: a pipe or another name without an extension is given SVG.</summary>
    public static bool IsKnown(string path) => Path.GetExtension(path) is var extension && (extension.Length == 0 || Extensions.Contains(extension, StringComparer.OrdinalIgnoreCase));

    /// <summary>A picture on its way to a file: PDF where the name says so, else SVG.</summary>
    /// <param name="svg">The picture, as drawn by <see cref="CurvePlot"/> or <see cref="CircuitDrawing"/>.</param>
    public static Output ToOutput(string path, string svg, CancellationToken cancellation = default) =>
        Path.GetExtension(path).Equals(".pdf", StringComparison.OrdinalIgnoreCase) ? Output.Bytes(path, SvgPdf.Convert(svg, cancellation)) : Output.Text(path, svg);
}
