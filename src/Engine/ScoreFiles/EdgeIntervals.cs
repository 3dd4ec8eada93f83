using System.Text.Json;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Statistics;

namespace Faith.Engine.ScoreFiles;

/// <summary>The intervals of edges' scores as faith stability --json writes them.</summary>
public static class EdgeIntervals
{
    private const long Largest = 256 << 20;

    /// <summary>The edges whose sign is certain: zero is not in their interval.</summary>
    /// <exception cref="InputException">The file cannot be read, is no such file, or is of another graph.</exception>
    public static IReadOnlyList<EdgeId> Certain(string path, ModelGraph graph)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(graph);
        try
        {
            using var document = JsonDocument.Parse(RegularFile.ReadAll(path, FileUse.Scores, Largest));
            var certain = new SortedSet<EdgeId>();
            foreach (var list in (string[])["edges", "near_misses"])
            {
                foreach (var entry in document.RootElement.GetProperty(list).EnumerateArray())
                {
                    var name = entry.GetProperty("edge").GetString() ?? "";
                    if (!GraphNames.TryParseEdge(graph, name, out var edge)) throw new InputException($"{path}: {PlainText.Quote(name)} is no edge of a model of {graph.Layers} layers and {graph.Heads} heads");
                    var interval = entry.GetProperty("interval");
                    if (new Interval(End(interval, "low"), End(interval, "high")).IsCertain) certain.Add(edge);
                }
            }
            return [.. certain];
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InputException($"{path}: holds no intervals of edges; faith stability --json {Path.GetFileName(path)} writes them", e);
        }
    }
    // Null where no resample gave a number.
    private static double End(JsonElement interval, string name) => interval.GetProperty(name) is { ValueKind: JsonValueKind.Number } end ? end.GetDouble() : double.NaN;
}
