using System.Globalization;
using Faith.Engine.Experiments;

namespace Faith.Cli;

/// <summary>Curves of faithfulness as text: one line a size, one letter a curve, 0 and 1 marked.</summary>
internal static class FaithfulnessChart
{
    private const int Widest = 61, Narrowest = 25;
    private const double Low = -0.1, High = 1.1;

    /// <summary>
    /// Writes the chart; where letters meet, the first curve's is seen. What lies outside stands at the border. Nothing is written where
    /// <paramref name="columns"/>, those of the terminal, have no room for it.
    /// </summary>
    public static void Write(TextWriter output, int? columns, IReadOnlyList<int> sizes, params ReadOnlySpan<(char Letter, SizeSweep Sweep)> curves)
    {
        var label = Math.Max("edges".Length, sizes[^1].ToString(CultureInfo.InvariantCulture).Length);
        var width = Math.Min(Widest, (columns ?? int.MaxValue) - label - 2);
        if (width < Narrowest) return;
        var scale = new char[width];
        Array.Fill(scale, ' ');
        foreach (var (value, text) in ((double, string)[])[(0, "0"), (0.5, "0.5"), (1, "1")]) text.CopyTo(scale.AsSpan(Column(value, width)));
        output.WriteLine($"{"edges".PadLeft(label)}  {new string(scale).TrimEnd()}");
        for (var i = 0; i < sizes.Count; i++)
        {
            var line = new char[width];
            Array.Fill(line, ' ');
            line[Column(0, width)] = line[Column(1, width)] = '|';
            for (var c = curves.Length - 1; c >= 0; c--) line[Column(curves[c].Sweep.Points[i].Mean, width)] = curves[c].Letter;
            output.WriteLine($"{sizes[i].ToString(CultureInfo.InvariantCulture).PadLeft(label)}  {new string(line).TrimEnd()}");
        }
        var key = new List<string>();
        foreach (var (letter, sweep) in curves) key.Add($"{letter} {sweep.Name}");
        output.WriteLine($"{new string(' ', label)}  {string.Join("   ", key)}");
    }

    private static int Column(double value, int width) => double.IsNaN(value) ? 0 : (int)Math.Round((Math.Clamp(value, Low, High) - Low) / (High - Low) * (width - 1));
}
