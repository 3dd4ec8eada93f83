using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Faith.Engine.Graphs;

namespace Faith.Engine.ScoreFiles;

/// <summary>
/// Writes a <see cref="ScoreFile"/>. Entries are laid out by hand, one a line (a name of the graph and a number need no
/// escaping); what comes from outside, the run record, goes through a JSON writer.
/// </summary>
internal static class ScoreFileWriter
{
    public static void Write(ScoreFile file, Stream stream, string name)
    {
        var encoding = new UTF8Encoding(encoderShouldEmitUTF8Identifier: false);
        using var writer = new StreamWriter(stream, encoding, 1 << 16, leaveOpen: true) { NewLine = "\n" };
        var graph = file.Graph;
        WriteConfig(writer, graph, file.DModel);
        if (file.Run is { } run) writer.WriteLine($"\"run\": {Json(run)},");

        writer.WriteLine("\"nodes\": {");
        var members = file.InGraph.NodesInCircuit();
        foreach (var node in graph.AllSources.Append(graph.LogitsNode))
        {
            writer.Write($"\"{graph.NodeName(node)}\": {{\"in_graph\": {Boolean(members[node])}");
            if (file.InGraph.Neurons is { } neurons && node != graph.LogitsNode)
            {
                writer.Write($", \"neurons\": [{string.Join(", ", Enumerable.Range(0, neurons.Width).Select(c => Boolean(neurons.Contains(node, c))))}]");
            }
            if (file.Nodes is { } nodes) WriteEntry(writer, nodes[node], $"{name}: nodes[\"{graph.NodeName(node)}\"]");
            writer.WriteLine(node != graph.LogitsNode ? "}," : "}},");
        }

        writer.WriteLine("\"edges\": {");
        var left = graph.Edges;
        foreach (var edge in ScoreFile.EdgeOrder(graph))
        {
            var edgeName = graph.EdgeName(edge);
            writer.Write('"');
            writer.Write(edgeName);
            writer.Write("\": {");
            if (file.Scores is { } scores)
            {
                var score = scores[edge];
                writer.Write("\"score\": ");
                writer.Write(double.IsFinite(score) ? Figures.Exact(score) : throw NotFinite($"{name}: edges[\"{edgeName}\"]", score));
                writer.Write(", ");
            }
            writer.Write("\"in_graph\": ");
            writer.Write(Boolean(file.InGraph.Contains(edge)));
            writer.WriteLine(--left > 0 ? "}," : "}}}");
        }
    }

    /// <summary>The beginning of a file: what model it is of.</summary>
    public static void WriteConfig(StreamWriter writer, ModelGraph graph, int dModel)
    {
        var width = dModel > 0 ? $", \"d_model\": {dModel}" : "";
        writer.Write($"{{\"cfg\": {{\"n_layers\": {graph.Layers}, \"n_heads\": {graph.Heads}");
        writer.WriteLine($", \"parallel_attn_mlp\": {Boolean(graph.Parallel)}{width}}},");
    }

    private static void WriteEntry(StreamWriter writer, NodeEntry entry, string place)
    {
        if (entry.Score is { } score) writer.Write($", \"score\": {Finite(score, place)}");
        // NaN: a neuron without a score (NodeEntry.Of lets none of a run through).
        if (entry.NeuronScores is { } values) writer.Write($", \"neurons_scores\": [{string.Join(", ", values.Select(v => double.IsNaN(v) ? "null" : Finite(v, place)))}]");
    }

    public static string Finite(double value, string place) =>
        double.IsFinite(value) ? Figures.Exact(value) : throw NotFinite(place, value);

    private static InputException NotFinite(string place, double score) =>
        new($"{place}: the score is {Figures.Exact(score)}; the model's weights or the data are not usable");

    public static string Boolean(bool value) => value ? "true" : "false";

    public static string Json(RunRecord run)
    {
        using var memory = new MemoryStream();
        // The relaxed encoder keeps names readable; the file is never put into a web page as it stands.
        var options = new JsonWriterOptions { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(memory, options)) RunRecordJson.Write(json, run);
        return Encoding.UTF8.GetString(memory.GetBuffer(), 0, (int)memory.Length);
    }
}
