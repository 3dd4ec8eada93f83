using System.Globalization;
using System.Text.Json;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Statistics;

namespace Faith.Engine.ScoreFiles;

/// <summary>What faith stability --json wrote of edges: how well their scores are known, and how often resamples select them.</summary>
/// <param name="Method">The method that scored them.</param>
/// <param name="Sizes">The sizes of circuits, ascending.</param>
/// <param name="Edges">The edges that it tells of, each once: those of the largest circuit and near misses.</param>
public sealed record StabilityFile(string Method, IReadOnlyList<int> Sizes, IReadOnlyList<EdgeStability> Edges)
{
    private const long Largest = 256 << 20;
    private const string Misses = "near_misses";

    /// <summary>The edges whose sign is certain, ascending.</summary>
    public IReadOnlyList<EdgeId> Certain => [.. Edges.Where(e => e.Interval.IsCertain).Select(e => e.Edge).Order()];

    /// <summary>Whether a file is one, by a member that scores and circuits have not.</summary>
    /// <exception cref="InputException">It cannot be read.</exception>
    public static bool IsOne(string path)
    {
        if (new FileInfo(path) is not { Exists: true, Length: <= Largest }) return false;
        var json = new Utf8JsonReader(RegularFile.ReadAll(path, FileUse.Scores, Largest));
        try
        {
            if (!json.Read() || json.TokenType != JsonTokenType.StartObject) return false;
            while (json.Read() && json.TokenType == JsonTokenType.PropertyName)
            {
                if (json.ValueTextEquals(Misses)) return true;
                json.Skip();
            }
        }
        catch (JsonException)
        {
            // Whoever reads it says what is wrong.
        }
        return false;
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InputException">The file cannot be read, is no such file, or is of another graph.</exception>
    public static StabilityFile Read(string path, ModelGraph graph)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(graph);
        try
        {
            using var document = JsonDocument.Parse(RegularFile.ReadAll(path, FileUse.Scores, Largest));
            var root = document.RootElement;
            int[] sizes = [.. root.GetProperty("sizes").EnumerateArray().Select(s => s.GetProperty("selected").GetInt32()).Order()];
            if (sizes.GroupBy(n => n).FirstOrDefault(group => group.Skip(1).Any()) is { } twice) throw new InputException($"{path}: sizes: {twice.Key} is given twice");
            string[] selections = [.. sizes.Select(n => n.ToString(CultureInfo.InvariantCulture))];
            var edges = new Dictionary<EdgeId, EdgeStability>();
            foreach (var entry in ((string[])["edges", Misses]).SelectMany(list => root.GetProperty(list).EnumerateArray()))
            {
                var name = entry.GetProperty("edge").GetString() ?? "";
                if (!GraphNames.TryParseEdge(graph, name, out var edge)) throw new InputException($"{path}: {PlainText.Quote(name)} is no edge of a model of {graph.Layers} layers and {graph.Heads} heads");
                var interval = entry.GetProperty("interval");
                // A look-up in the JSON goes through all of it.
                var shares = new Dictionary<string, double>();
                foreach (var share in entry.GetProperty("selected").EnumerateObject()) shares[share.Name] = Number(share.Value);
                var stability = new EdgeStability(edge, Number(entry.GetProperty("score")), new(Number(interval.GetProperty("low")), Number(interval.GetProperty("high"))), [.. selections.Select(n => shares[n])]);
                if (!edges.TryAdd(edge, stability)) throw new InputException($"{path}: {PlainText.Quote(name)} is given twice");

                // Null where no resample gave a number.
                double Number(JsonElement json) => json.ValueKind != JsonValueKind.Number ? double.NaN
                    : json.GetDouble() is var number && double.IsFinite(number) ? number : throw new InputException($"{path}: {PlainText.Quote(name)} has a number that is not finite");
            }
            return new(root.GetProperty("method").GetString() ?? "", sizes, [.. edges.Values]);
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            throw new InputException($"{path}: holds no intervals of edges; faith stability --json {Path.GetFileName(path)} writes them", e);
        }
    }
}
