using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Faith.Engine.ScoreFiles;

/// <summary>Writes a <see cref="SpanScoreFile"/>, one entry a line. Names of spans come from outside and are escaped.</summary>
internal static class SpanScoreFileWriter
{
    public static void Write(SpanScoreFile file, Stream stream, string name)
    {
        using var writer = new StreamWriter(stream, new UTF8Encoding(encoderShouldEmitUTF8Identifier: false), 1 << 16, leaveOpen: true) { NewLine = "\n" };
        var graph = file.Graph;
        ScoreFileWriter.WriteConfig(writer, graph.Model, file.DModel);
        writer.WriteLine($"\"spans\": [{string.Join(", ", graph.Spans.Select(Quoted))}],");
        if (file.Run is { } run) writer.WriteLine($"\"run\": {ScoreFileWriter.Json(run)},");

        writer.WriteLine("\"nodes\": {");
        var inside = file.InGraph.NodesInCircuit().ToHashSet();
        var left = graph.Model.Nodes * graph.Spans.Count;
        foreach (var node in graph.Model.AllSources.Append(graph.Model.LogitsNode))
        {
            for (var span = 0; span < graph.Spans.Count; span++)
            {
                var nodeName = graph.NodeName(node, span);
                var score = file.NodeScores is { } nodes && node != graph.Model.LogitsNode ? $"\"score\": {ScoreFileWriter.Finite(nodes[node * graph.Spans.Count + span], $"{name}: nodes[\"{nodeName}\"]")}, " : "";
                writer.WriteLine($"{Quoted(nodeName)}: {{{score}\"in_graph\": {ScoreFileWriter.Boolean(inside.Contains((node, span)))}}}{(--left > 0 ? "," : "},")}");
            }
        }

        writer.WriteLine("\"edges\": {");
        left = graph.Edges;
        foreach (var edge in SpanScoreFile.EdgeOrder(graph))
        {
            var edgeName = graph.EdgeName(edge);
            writer.Write(Quoted(edgeName));
            writer.Write(": {");
            if (file.Scores is { } scores) writer.Write($"\"score\": {ScoreFileWriter.Finite(scores[edge], $"{name}: edges[\"{edgeName}\"]")}, ");
            writer.Write("\"in_graph\": ");
            writer.Write(ScoreFileWriter.Boolean(file.InGraph.Contains(edge)));
            writer.WriteLine(--left > 0 ? "}," : "}}}");
        }
    }

    private static string Quoted(string text) => $"\"{JsonEncodedText.Encode(text, JavaScriptEncoder.UnsafeRelaxedJsonEscaping)}\"";
}
