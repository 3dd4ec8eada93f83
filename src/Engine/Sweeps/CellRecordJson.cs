using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Faith.Engine.Reports;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Statistics;

namespace Faith.Engine.Sweeps;

/// <summary>The JSON of a <see cref="CellRecord"/>. A number that JSON cannot hold is null.</summary>
internal static class CellRecordJson
{
    private const long LargestFile = 1L << 30;
    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, Indented = true };

    public static byte[] Write(CellRecord record)
    {
        using var memory = new MemoryStream();
        using (var json = new Utf8JsonWriter(memory, Options))
        {
            json.WriteStartObject();
            json.WriteString("cell", record.Cell);
            json.WritePropertyName("run");
            RunRecordJson.Write(json, record.Run);
            json.WriteStartObject("graph");
            json.WriteNumber("layers", record.Graph.Layers);
            json.WriteNumber("heads", record.Graph.Heads);
            json.WriteBoolean("parallel", record.Graph.Parallel);
            json.WriteEndObject();
            json.WriteStartArray("curve");
            foreach (var point in record.Curve)
            {
                json.WriteStartObject();
                json.WriteNumber("selected", point.Selected);
                json.WriteNumber("edges", point.Edges);
                json.WriteNumber("nodes", point.Nodes);
                json.WriteNumberOrNull("circuit", point.Circuit);
                json.WriteNumberOrNull("faithfulness", point.Faithfulness);
                json.WriteNumberOrNull("faithfulness_low", point.Low);
                json.WriteNumberOrNull("faithfulness_high", point.High);
                Numbers(json, "per_example", point.PerExample);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            Numbers(json, "clean", record.Clean);
            Numbers(json, "corrupted", record.Corrupted);
            if (record.Undefined is { } undefined) json.WriteString("undefined", undefined);
            if (record.Doubt is { } doubt) json.WriteString("doubt", doubt);
            if (record.StandardErrors is { } errors) Numbers(json, "standard_errors", errors);
            if (record.Certain is { } certain)
            {
                json.WriteStartArray("certain");
                foreach (var edge in certain) json.WriteStringValue(record.Graph.EdgeName(edge));
                json.WriteEndArray();
            }
            if (record.Stability is { } stability)
            {
                // The sizes are those of the curve; an edge has its interval and a share a size.
                json.WriteStartObject("stability");
                foreach (var edge in stability.Edges) Numbers(json, record.Graph.EdgeName(edge.Edge), [edge.Interval.Low, edge.Interval.High, .. edge.Selected]);
                json.WriteEndObject();
            }
            json.WriteStartArray("examples");
            foreach (var prompt in record.Prompts)
            {
                json.WriteStartObject();
                json.WriteString("clean", prompt.Clean);
                if (prompt.Corrupted is { } corrupted) json.WriteString("corrupted", corrupted);
                json.WriteString("answers", prompt.Answers);
                json.WriteString("distractors", prompt.Distractors);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteStartObject("files");
            foreach (var (name, hash) in record.Files.OrderBy(f => f.Key, StringComparer.Ordinal)) json.WriteString(name, hash);
            json.WriteEndObject();
            json.WriteEndObject();
        }
        memory.WriteByte((byte)'\n');
        return memory.ToArray();
    }

    /// <summary>Reads a record.</summary>
    /// <exception cref="InputException">It cannot be read, or is none.</exception>
    public static CellRecord Read(string path)
    {
        var bytes = RegularFile.ReadAll(path, FileUse.Data, LargestFile);
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var json = document.RootElement;
            var graph = json.GetProperty("graph");
            var (layers, heads) = (graph.GetProperty("layers").GetInt32(), graph.GetProperty("heads").GetInt32());
            if (layers < 1 || heads < 1 || !ModelGraph.CanHold(layers, heads)) throw new InputException($"{path}: graph: no model has {layers} layers of {heads} heads");
            var edges = new ModelGraph(layers, heads, graph.GetProperty("parallel").GetBoolean());
            CellRecord record = new()
            {
                Cell = Text(json, "cell"),
                Run = RunRecordJson.Read(new JsonTokens(new MemoryStream(Encoding.UTF8.GetBytes(json.GetProperty("run").GetRawText())), $"{path}: run"), _ => { }),
                Graph = edges,
                Curve = [.. json.GetProperty("curve").EnumerateArray().Select(p => new ReportPoint(p.GetProperty("selected").GetInt32(), p.GetProperty("edges").GetInt32(), p.GetProperty("nodes").GetInt32(),
                    p.GetProperty("circuit").NumberOrNaN(), p.GetProperty("faithfulness").NumberOrNaN(), p.GetProperty("faithfulness_low").NumberOrNaN(), p.GetProperty("faithfulness_high").NumberOrNaN(), p.GetProperty("per_example").NumbersOrNaN()))],
                Clean = json.GetProperty("clean").NumbersOrNaN(),
                Corrupted = json.GetProperty("corrupted").NumbersOrNaN(),
                Undefined = OptionalText(json, "undefined"),
                Doubt = OptionalText(json, "doubt"),
                StandardErrors = json.TryGetProperty("standard_errors", out var errors) ? errors.NumbersOrNaN() : null,
                Certain = json.TryGetProperty("certain", out var certain) ? [.. certain.EnumerateArray().Select(e => Edge(edges, e.GetString()))] : null,
                Stability = json.TryGetProperty("stability", out var stability) ? Stability(json, stability, edges) : null,
                Prompts = [.. json.GetProperty("examples").EnumerateArray().Select(e => new ReportPrompt(Text(e, "clean"), OptionalText(e, "corrupted"), Text(e, "answers"), Text(e, "distractors")))],
                Files = json.GetProperty("files").EnumerateObject().ToDictionary(f => f.Name, f => f.Value.GetString() ?? "", StringComparer.Ordinal),
            };
            Check(record);
            return record;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException or ArgumentException)
        {
            throw new InputException($"{path}: is no record of a cell ({PlainText.Short(e.Message, 120)}); remove it and faith sweep run makes it again", e);
        }
    }

    // What readers of a record go by: circuits, and a number for every example.
    private static void Check(CellRecord record)
    {
        if (record.Curve.Count == 0) throw new FormatException("its curve holds no circuit");
        if (record.Clean.Count == 0) throw new FormatException("clean holds no example");
        if (record.Corrupted.Count != record.Clean.Count) throw new FormatException($"corrupted has {record.Corrupted.Count} examples, clean {record.Clean.Count}");
        if (record.Curve.FirstOrDefault(p => p.PerExample.Count != record.Clean.Count) is { } point) throw new FormatException($"per_example of {point.Selected} edges has {point.PerExample.Count} examples, clean {record.Clean.Count}");
        if (record.Run.Metric is { } metric && !MetricKinds.Names.Contains(metric)) throw new FormatException($"its metric {PlainText.Quote(PlainText.Short(metric))} is unknown");
    }

    private static StabilityFile Stability(JsonElement record, JsonElement json, ModelGraph graph)
    {
        int[] sizes = [.. record.GetProperty("curve").EnumerateArray().Select(p => p.GetProperty("selected").GetInt32()).Where(n => n > 0)];
        return new(record.GetProperty("run").GetProperty("method").GetString() ?? "", sizes, [.. json.EnumerateObject().Select(e => e.Value.NumbersOrNaN() is [var low, var high, .. var shares] && shares.Length == sizes.Length
            ? new EdgeStability(Edge(graph, e.Name), double.NaN, new(low, high), shares) : throw new FormatException($"stability of {PlainText.Quote(e.Name)} has other sizes than the curve")).DistinctBy(e => e.Edge)]);
    }

    private static EdgeId Edge(ModelGraph graph, string? name) => GraphNames.TryParseEdge(graph, name ?? "", out var edge) ? edge : throw new FormatException($"{PlainText.Quote(name ?? "")} is no edge of its graph");

    // On one line: a record of many examples would else be mostly line breaks.
    private static void Numbers(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WritePropertyName(name);
        json.WriteRawValue($"[{string.Join(", ", values.Select(v => double.IsFinite(v) ? Figures.Exact(v) : "null"))}]");
    }

    private static string Text(JsonElement json, string name) => OptionalText(json, name) ?? throw new KeyNotFoundException($"{name} is missing");

    private static string? OptionalText(JsonElement json, string name) => json.TryGetProperty(name, out var value) ? value.GetString() : null;
}
