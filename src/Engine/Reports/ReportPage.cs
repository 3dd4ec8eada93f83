using System.Reflection;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Reports;

/// <summary>
/// Runs as one page that needs nothing from outside: curves with their bands, the circuit at any size, a heat map of the heads, tables of edges and
/// examples, records. The page, its style and its script stand as they are in page/; here the data is put into it, as JSON in which nothing is markup.
/// </summary>
public static class ReportPage
{
    private static readonly string[] Scripts = ["graph.js", "plots.js", "tables.js", "page.js"];

    /// <summary>The page.</summary>
    /// <param name="title">Its title.</param>
    /// <param name="runs">The runs, not none.</param>
    /// <param name="matrices">Tables of tasks, where there are some.</param>
    /// <exception cref="InputException">A score is not a number.</exception>
    public static string Write(string title, IReadOnlyList<ReportRun> runs, IReadOnlyList<ReportMatrix>? matrices = null)
    {
        ArgumentNullException.ThrowIfNull(runs);
        var page = new StringBuilder(Resource("report.html"));
        page.Replace("{{style}}", Resource("report.css"));
        page.Replace("{{script}}", string.Join('\n', Scripts.Select(Resource)));
        // Braces are escaped too: a title is looked through for what comes after it.
        page.Replace("{{title}}", SvgText.Escape(title).Replace("{", "&#123;", StringComparison.Ordinal));
        page.Replace("{{data}}", Json(title, runs, matrices ?? []));
        return page.ToString();
    }

    private static string Resource(string name)
    {
        using var stream = Assembly.GetExecutingAssembly().GetManifestResourceStream($"page/{name}")!;
        using var reader = new StreamReader(stream, Encoding.UTF8);
        return reader.ReadToEnd();
    }

    private static string Json(string title, IReadOnlyList<ReportRun> runs, IReadOnlyList<ReportMatrix> matrices)
    {
        using var memory = new MemoryStream();
        // The writer's usual encoder leaves no character that HTML knows: <, >, & and quotes are escaped, and so is whatever is not ASCII.
        using (var json = new Utf8JsonWriter(memory))
        {
            json.WriteStartObject();
            json.WriteString("title", PlainText.Line(title));
            json.WriteStartArray("runs");
            foreach (var run in runs) Run(json, run);
            json.WriteEndArray();
            json.WriteStartArray("matrices");
            foreach (var matrix in matrices) Matrix(json, matrix);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        return Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length);
    }

    private static void Run(Utf8JsonWriter json, ReportRun run)
    {
        json.WriteStartObject();
        json.WriteString("model", PlainText.Line(run.Model));
        json.WriteString("task", PlainText.Line(run.Task));
        json.WriteString("method", PlainText.Line(run.Method));
        json.WriteNumber("seed", run.Seed);
        json.WriteString("select", run.Selection.Name);
        json.WriteNumber("negative", run.Selection.Negative);
        json.WriteBoolean("signed", run.Signed);
        if ((run.Scores?.Graph ?? run.Selected?.Graph) is { } graph)
        {
            json.WriteStartObject("graph");
            json.WriteNumber("layers", graph.Layers);
            json.WriteNumber("heads", graph.Heads);
            json.WriteBoolean("parallel", graph.Parallel);
            json.WriteEndObject();
            if (run.Scores is { } scores) Numbers(json, "scores", graph, scores.Values, run.Task);
            if (run.StandardErrors is { } errors) Numbers(json, "errors", graph, errors, null);
            if (run.Stability is { } stability) Frequencies(json, graph, stability);
            if (run.Selection.Certain is { } certain)
            {
                var members = new Circuit(graph, certain);
                json.WriteBase64String("certain", [.. graph.AllEdges.Select(e => (byte)(members.Contains(e) ? 1 : 0))]);
            }
            if (run.Selected is { } selected) json.WriteBase64String("selected", [.. graph.AllEdges.Select(e => (byte)(selected.Contains(e) ? 1 : 0))]);
        }
        json.WriteStartArray("curve");
        foreach (var point in run.Curve)
        {
            json.WriteStartObject();
            json.WriteNumber("selected", point.Selected);
            json.WriteNumber("edges", point.Edges);
            json.WriteNumber("nodes", point.Nodes);
            json.WriteNumberOrNull("circuit", point.Circuit);
            json.WriteNumberOrNull("f", point.Faithfulness);
            json.WriteNumberOrNull("low", point.Low);
            json.WriteNumberOrNull("high", point.High);
            Values(json, "examples", point.PerExample);
            json.WriteEndObject();
        }
        json.WriteEndArray();
        Values(json, "clean", run.Clean);
        Values(json, "corrupted", run.Corrupted);
        json.WriteStartArray("prompts");
        foreach (var prompt in run.Prompts)
        {
            json.WriteStartArray();
            foreach (var text in (string?[])[prompt.Clean, prompt.Corrupted, prompt.Answers, prompt.Distractors]) json.WriteStringValue(text is null ? null : PlainText.Line(text));
            json.WriteEndArray();
        }
        json.WriteEndArray();
        if (run.Seconds is { } seconds) json.WriteNumberOrNull("seconds", seconds);
        json.WriteStartArray("doubts");
        foreach (var doubt in run.Doubts) json.WriteStringValue(PlainText.Line(doubt));
        json.WriteEndArray();
        json.WriteStartArray("record");
        foreach (var (name, value) in run.Record)
        {
            json.WriteStartArray();
            json.WriteStringValue(PlainText.Line(name));
            json.WriteStringValue(PlainText.Line(value));
            json.WriteEndArray();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void Matrix(Utf8JsonWriter json, ReportMatrix matrix)
    {
        json.WriteStartObject();
        json.WriteString("model", PlainText.Line(matrix.Model));
        json.WriteString("title", PlainText.Line(matrix.Title));
        json.WriteStartArray("tasks");
        foreach (var task in matrix.Tasks) json.WriteStringValue(PlainText.Line(task));
        json.WriteEndArray();
        json.WriteStartArray("values");
        foreach (var row in matrix.Values) ValueList(json, row);
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // Of every edge in percent, size by size; of those that it does not tell of 255.
    private static void Frequencies(Utf8JsonWriter json, ModelGraph graph, StabilityFile stability)
    {
        json.WriteStartArray("frequencies");
        for (var s = 0; s < stability.Sizes.Count; s++)
        {
            var shares = stability.Edges.ToDictionary(e => e.Edge, e => e.Selected[s]);
            json.WriteStartObject();
            json.WriteNumber("selected", stability.Sizes[s]);
            json.WriteBase64String("percent", [.. graph.AllEdges.Select(e => shares.TryGetValue(e, out var share) && share is >= 0 and <= 1 ? (byte)Math.Round(100 * share) : byte.MaxValue)]);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    // Of every edge, ascending: as the bytes of doubles, so that the page selects from the very numbers that the program does.
    private static void Numbers(Utf8JsonWriter json, string name, ModelGraph graph, double[] values, string? refused)
    {
        double[] ofEdges = [.. graph.AllEdges.Select(e => values[e])];
        if (refused is not null && ofEdges.Any(v => !double.IsFinite(v))) throw new InputException($"the scores of {PlainText.Short(refused)} are not all finite numbers: they cannot be ranked");
        json.WriteBase64String(name, MemoryMarshal.AsBytes<double>(ofEdges));
    }

    private static void Values(Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WritePropertyName(name);
        ValueList(json, values);
    }

    private static void ValueList(Utf8JsonWriter json, IReadOnlyList<double> values)
    {
        json.WriteStartArray();
        foreach (var value in values)
        {
            // To read, not to compute with: seven digits keep a page of many examples small.
            if (double.IsFinite(value)) json.WriteRawValue(Figures.WithoutMinusZero(value).ToString("G7", System.Globalization.CultureInfo.InvariantCulture));
            else json.WriteNullValue();
        }
        json.WriteEndArray();
    }
}
