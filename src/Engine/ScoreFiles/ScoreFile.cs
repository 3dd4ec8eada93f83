using Faith.Engine.Files;
using Faith.Engine.Graphs;

namespace Faith.Engine.ScoreFiles;

/// <summary>
/// A file of scores or a circuit, in the JSON schema of the EAP-IG library and the MIB leaderboard:
/// {"cfg": {…}, "nodes": {name: {"in_graph", …}}, "edges": {name: {"score", "in_graph"}}, "run": {…}}.
/// <para>
/// Reading: keys may come in any order and unknown ones are ignored; nodes may be bare booleans or not be listed at all; an absent
/// in_graph is false for an edge; a file of node or neuron scores alone needs no edges. An edge that is not listed is outside the circuit and has score 0; none is listed twice, and either all
/// or none of those listed have a score. Membership of the edges decides what the circuit is; a node given as outside must not have an edge in the graph
/// (logits excepted, which belongs to every circuit). Where nodes say which of their neurons are in the circuit, it carries those
/// only; a node that does not say so carries all.
/// </para>
/// Writing: one edge a line in the schema's own order, so that two files can be compared line by line.
/// </summary>
public sealed class ScoreFile
{
    /// <summary>The model's graph.</summary>
    public required ModelGraph Graph { get; init; }
    /// <summary>Width of the residual stream; 0 where the file does not tell.</summary>
    public int DModel { get; init; }
    /// <summary>Edge scores; null where the file gives none.</summary>
    public EdgeScores? Scores { get; init; }
    /// <summary>The edges in the graph, and the neurons that they carry where the file restricts them.</summary>
    public required Circuit InGraph { get; init; }
    /// <summary>Node and neuron scores by node number (logits last); null where the file gives none.</summary>
    public IReadOnlyList<NodeEntry>? Nodes { get; init; }
    /// <summary>How the file came about; null where it does not tell.</summary>
    public RunRecord? Run { get; init; }

    /// <summary>Reads a file; also what the EAP-IG library saves with torch.save (<see cref="TorchScoreReader"/>).</summary>
    /// <exception cref="InputException">The file cannot be read or is not of the schema.</exception>
    public static ScoreFile Read(string path)
    {
        try
        {
            if (FileIdentity.Of(path).Kind == FileKind.Missing) throw new InputException($"{path}: there is no such file");
            using var stream = new FileStream(RegularFile.Open(path), FileAccess.Read, bufferSize: 0);
            Span<byte> head = stackalloc byte[ForeignFile.HeadBytes];
            head = head[..stream.ReadAtLeast(head, head.Length, throwOnEndOfStream: false)];
            if (head.StartsWith("PK\x03\x04"u8)) return TorchScoreReader.Read(path);
            if (Foreign(head) is { } what) throw new InputException($"{path}: {what}");
            stream.Position = 0;
            return ScoreFileReader.Read(stream, path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: there is no such file", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            throw new InputException($"{path}: cannot be read ({PlainText.Line(e.Message)})", e);
        }
    }

    private static string? Foreign(ReadOnlySpan<byte> head)
    {
        if (ForeignFile.StartsWithKey(head, "clean", "corrupted", "answers")) return "holds prompts, not scores or a circuit; it belongs to --data";
        if (ForeignFile.What(head, FileUse.Scores) is { } known) return known;
        var start = head.TrimStart("\uFEFF \t\r\n"u8);
        return start.IsEmpty || start[0] is (byte)'{' or (byte)'[' ? null
            : "is not JSON; scores and circuits are JSON with cfg, nodes and edges, as faith attribute and faith circuit write it";
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="InputException">The file cannot be written, or a score is not a number.</exception>
    public void Write(string path) => OutputFile.WriteTogether(ToOutput(path));

    /// <summary>The file, to be written beside others.</summary>
    public Output ToOutput(string path)
    {
        if (Scores is not null && !Scores.Graph.Equals(Graph)) throw new ArgumentException("the scores belong to another graph", nameof(path));
        if (!InGraph.Graph.Equals(Graph)) throw new ArgumentException("the circuit belongs to another graph", nameof(path));
        if (Nodes is not null && Nodes.Count != Graph.Nodes) throw new ArgumentException($"{Nodes.Count} node entries for {Graph.Nodes} nodes", nameof(path));
        return new(path, stream => ScoreFileWriter.Write(this, stream, path));
    }

    /// <summary>
    /// The edges in the order of the schema: layer by layer, first the heads' inputs (source by source, head by head, q k v), then
    /// the MLP's; with parallel attention the MLP's edge follows the heads' edges of the same source; logits last.
    /// </summary>
    public static IEnumerable<EdgeId> EdgeOrder(ModelGraph graph)
    {
        for (var layer = 0; layer < graph.Layers; layer++)
        {
            var mlp = graph.MlpColumn(layer);
            ColumnId[] heads = [.. Enumerable.Range(0, graph.Heads).SelectMany(head => graph.ColumnsOf(graph.HeadNode(layer, head)))];
            foreach (var source in graph.InEdges(heads[0]).Select(graph.SourceOf))
            {
                foreach (var column in heads) yield return graph.Edge(source, column);
                if (graph.Parallel) yield return graph.Edge(source, mlp);
            }
            if (graph.Parallel) continue;
            foreach (var edge in graph.InEdges(mlp)) yield return edge;
        }
        foreach (var edge in graph.InEdges(graph.LogitsColumn)) yield return edge;
    }
}
