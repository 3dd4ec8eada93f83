using System.Text;

namespace Faith.Engine.Reports;

/// <summary>
/// A line plot as a self-contained SVG: faithfulness over the number of edges. Lines differ in colour (of a palette that is told
/// apart with every kind of colour vision), dashes and markers.
/// </summary>
public sealed record CurvePlot
{
    private const double Left = 72, Top = 56, PlotWidth = 560, PlotHeight = 330, Bottom = 58;
    private static readonly string[] Colours = ["#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#1a202c"];
    private static readonly string[] LevelDashes = ["4 3", "1 3"];
    private static readonly string[] Dashes = ["", "7 4", "2 3", "9 3 2 3"];

    /// <summary>The title.</summary>
    public required string Title { get; init => field = PlainText.Short(value, SvgText.LongestTitle); }
    /// <summary>What x is.</summary>
    public string XLabel { get; init; } = "edges";
    /// <summary>What y is.</summary>
    public string YLabel { get; init; } = "normalised faithfulness";
    /// <summary>A logarithmic x axis; points at zero or below cannot be shown on it and are left out.</summary>
    public bool LogarithmicX { get; init; } = true;
    /// <summary>The lines.</summary>
    public required IReadOnlyList<PlotSeries> Series { get; init; }
    /// <summary>Horizontal reference lines, with what they stand for.</summary>
    public IReadOnlyList<(double Y, string Label)> Levels { get; init; } = [];

    /// <summary>The picture.</summary>
    public string ToSvg()
    {
        foreach (var s in Series)
        {
            var n = s.X.Count;
            if (s.Y.Count != n || (s.Low?.Count ?? n) != n || (s.High?.Count ?? n) != n) throw new ArgumentException($"the series {s.Name} is of unequal lengths");
        }
        var x = new PlotAxis(Series.SelectMany(s => s.X), Left, Left + PlotWidth, LogarithmicX, 0.02);
        var shown =
            from s in Series
            from i in Enumerable.Range(0, s.X.Count)
            where x.Shows(s.X[i])
            from value in new[] { s.Y[i], s.Low?[i] ?? s.Y[i], s.High?[i] ?? s.Y[i] }
            select value;
        var y = new PlotAxis(shown.Concat(Levels.Select(l => l.Y)), Top + PlotHeight, Top, logarithmic: false, 0.06);

        var names = Series.Select(s => s.Name).Concat(Levels.Select(l => l.Label)).Select(n => SvgText.Width(n, 12)).DefaultIfEmpty(0).Max();
        var width = Math.Max(Left + PlotWidth + 24 + 48 + names, Left + SvgText.Width(Title, 16) + 40);
        var height = Math.Max(Top + PlotHeight + Bottom, Top + 22 * (Series.Count + Levels.Count) + 20);
        var svg = new StringBuilder();
        svg.Append($"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {N(width)} {N(height)}\" width=\"{N(width)}\" height=\"{N(height)}\"")
            .Append($" font-family=\"{SvgText.Fonts}\" font-size=\"12\" fill=\"#2d3748\">\n");
        svg.Append($"<title>{SvgText.Escape(Title)}</title>\n<rect width=\"{N(width)}\" height=\"{N(height)}\" fill=\"#ffffff\"/>\n");
        svg.Append($"<text x=\"{N(Left)}\" y=\"30\" font-size=\"16\" font-weight=\"bold\" fill=\"#1a202c\">{SvgText.Escape(Title)}</text>\n");
        Axes(svg, x, y);
        for (var i = 0; i < Levels.Count; i++) Level(svg, i, y);
        // Bands first: no line is hidden by one.
        for (var i = 0; i < Series.Count; i++) Band(svg, Series[i], i, x, y);
        for (var i = 0; i < Series.Count; i++) Line(svg, Series[i], i, x, y);
        for (var i = 0; i < Series.Count; i++) Key(svg, Series[i], i);
        return svg.Append("</svg>\n").ToString();
    }

    private void Axes(StringBuilder svg, PlotAxis x, PlotAxis y)
    {
        const double right = Left + PlotWidth, bottom = Top + PlotHeight;
        svg.Append("<g font-size=\"11\">\n");
        foreach (var (value, label) in y.Ticks())
        {
            var at = N(y.At(value));
            svg.Append($"<path d=\"M{N(Left)} {at}H{N(right)}\" stroke=\"#e2e8f0\"/>")
                .Append($"<text x=\"{N(Left - 8)}\" y=\"{N(y.At(value) + 4)}\" text-anchor=\"end\">{label}</text>\n");
        }
        foreach (var (value, label) in x.Ticks())
        {
            var at = N(x.At(value));
            svg.Append($"<path d=\"M{at} {N(bottom)}v{(label.Length > 0 ? 6 : 3)}\" stroke=\"#2d3748\"/>");
            if (label.Length > 0)
            {
                svg.Append($"<path d=\"M{at} {N(Top)}V{N(bottom)}\" stroke=\"#edf0f4\"/>")
                    .Append($"<text x=\"{at}\" y=\"{N(bottom + 20)}\" text-anchor=\"middle\">{label}</text>");
            }
            svg.Append('\n');
        }
        svg.Append($"</g>\n<path d=\"M{N(Left)} {N(Top)}V{N(bottom)}H{N(right)}\" fill=\"none\" stroke=\"#2d3748\"/>\n");
        svg.Append($"<text x=\"{N((Left + right) / 2)}\" y=\"{N(bottom + 42)}\" text-anchor=\"middle\">{SvgText.Escape(XLabel)}</text>\n");
        svg.Append($"<text transform=\"translate(20 {N((Top + bottom) / 2)}) rotate(-90)\" text-anchor=\"middle\">{SvgText.Escape(YLabel)}</text>\n");
    }

    private static void Band(StringBuilder svg, PlotSeries series, int index, PlotAxis x, PlotAxis y)
    {
        if (series.Low is not { } low || series.High is not { } high) return;
        foreach (var run in Runs(series.X.Count, i => x.Shows(series.X[i]) && y.Shows(low[i]) && y.Shows(high[i])))
        {
            var upper = run.Select(i => $"{N(x.At(series.X[i]))} {N(y.At(high[i]))}");
            var lower = run.Reverse().Select(i => $"{N(x.At(series.X[i]))} {N(y.At(low[i]))}");
            svg.Append($"<path class=\"band\" d=\"M{string.Join('L', upper.Concat(lower))}Z\" fill=\"{Colour(index)}\" fill-opacity=\"0.15\"/>\n");
        }
    }

    private static void Line(StringBuilder svg, PlotSeries series, int index, PlotAxis x, PlotAxis y)
    {
        svg.Append($"<g class=\"series\" stroke=\"{Colour(index)}\" fill=\"{Colour(index)}\">\n");
        foreach (var run in Runs(series.X.Count, i => x.Shows(series.X[i]) && y.Shows(series.Y[i])))
        {
            var points = string.Join('L', run.Select(i => $"{N(x.At(series.X[i]))} {N(y.At(series.Y[i]))}"));
            svg.Append($"<path d=\"M{points}\" fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\"{Dash(index)}/>\n");
            foreach (var i in run)
            {
                var tip = $"{series.Name}: {SvgText.Value(series.X[i])}, {SvgText.Value(series.Y[i])}";
                svg.Append(Marker(index, x.At(series.X[i]), y.At(series.Y[i]), tip));
            }
        }
        svg.Append("</g>\n");
    }

    private static void Key(StringBuilder svg, PlotSeries series, int index)
    {
        double x = Left + PlotWidth + 24, y = Top + 12 + 22 * index;
        svg.Append($"<g stroke=\"{Colour(index)}\" fill=\"{Colour(index)}\">")
            .Append($"<path d=\"M{N(x)} {N(y)}h28\" stroke-width=\"2\"{Dash(index)}/>{Marker(index, x + 14, y, series.Name)}</g>")
            .Append($"<text x=\"{N(x + 36)}\" y=\"{N(y + 4)}\">{SvgText.Escape(series.Name)}</text>\n");
    }

    private void Level(StringBuilder svg, int index, PlotAxis y)
    {
        var (level, label) = Levels[index];
        if (!y.Shows(level)) return;
        var dash = LevelDashes[index % LevelDashes.Length];
        double keyX = Left + PlotWidth + 24, keyY = Top + 12 + 22 * (Series.Count + index);
        svg.Append($"<path d=\"M{N(Left)} {N(y.At(level))}h{N(PlotWidth)}M{N(keyX)} {N(keyY)}h28\"")
            .Append($" fill=\"none\" stroke=\"#4a5568\" stroke-dasharray=\"{dash}\"/>")
            .Append($"<text x=\"{N(keyX + 36)}\" y=\"{N(keyY + 4)}\" fill=\"#4a5568\">{SvgText.Escape(label)}</text>\n");
    }

    // Stretches of indices that can be shown: what cannot leaves a gap in the line.
    private static IEnumerable<int[]> Runs(int count, Func<int, bool> shows)
    {
        var run = new List<int>();
        for (var i = 0; i <= count; i++)
        {
            if (i < count && shows(i)) run.Add(i);
            else if (run.Count > 0)
            {
                yield return [.. run];
                run.Clear();
            }
        }
    }

    private static string Marker(int index, double x, double y, string tip)
    {
        var shape = (index % 4) switch
        {
            0 => $"<circle cx=\"{N(x)}\" cy=\"{N(y)}\" r=\"3.5\" stroke=\"none\">",
            1 => $"<rect x=\"{N(x - 3.2)}\" y=\"{N(y - 3.2)}\" width=\"6.4\" height=\"6.4\" stroke=\"none\">",
            2 => $"<path d=\"M{N(x)} {N(y - 4.4)}l4.2 7.4h-8.4Z\" stroke=\"none\">",
            _ => $"<path d=\"M{N(x)} {N(y - 4.8)}l4.4 4.8l-4.4 4.8l-4.4 -4.8Z\" stroke=\"none\">",
        };
        var name = shape[1..shape.IndexOf(' ')];
        return $"{shape}<title>{SvgText.Escape(tip)}</title></{name}>\n";
    }

    private static string Colour(int index) => Colours[index % Colours.Length];

    private static string Dash(int index) => Dashes[index % Dashes.Length] is { Length: > 0 } dash ? $" stroke-dasharray=\"{dash}\"" : "";

    private static string N(double value) => SvgText.Number(value);
}
