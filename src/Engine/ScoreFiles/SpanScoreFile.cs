using System.Text.Json;
using Faith.Engine.Files;
using Faith.Engine.Graphs;

namespace Faith.Engine.ScoreFiles;

/// <summary>
/// A file of scores or a circuit by span: the schema of a <see cref="ScoreFile"/> with one more key, "spans": [names], and nodes and edges called u@s and u@s->v@t
/// (<see cref="SpanGraph.EdgeName"/>). An edge that is not listed is outside the circuit and has score 0; none is listed twice, and either all or none of those listed have a score,
/// as have either all or none of the nodes that write to the stream.
/// </summary>
public sealed class SpanScoreFile
{
    /// <summary>The model's graph over the spans.</summary>
    public required SpanGraph Graph { get; init; }
    /// <summary>Width of the residual stream; 0 where the file does not tell.</summary>
    public int DModel { get; init; }
    /// <summary>Edge scores; null where the file gives none.</summary>
    public SpanScores? Scores { get; init; }
    /// <summary>Node scores [F·S], entry u·S + s of node u at span s; null where the file gives none.</summary>
    public IReadOnlyList<double>? NodeScores { get; init; }
    /// <summary>The edges in the graph.</summary>
    public required SpanCircuit InGraph { get; init; }
    /// <summary>How the file came about; null where it does not tell.</summary>
    public RunRecord? Run { get; init; }

    /// <summary>Reads a file; null where it is none of this kind, of which <see cref="ScoreFile.Read"/> says what is wrong with it.</summary>
    /// <exception cref="InputException">It names spans and is not of the schema, or cannot be read to its end.</exception>
    public static SpanScoreFile? TryRead(string path)
    {
        if (!File.Exists(path)) return null;
        var isOne = false;
        try
        {
            using var stream = new FileStream(RegularFile.Open(path), FileAccess.Read, bufferSize: 0);
            isOne = HasSpans(stream, path);
            return isOne ? SpanScoreFileReader.Read(stream, path) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException)
        {
            return isOne ? throw RegularFile.Unreadable(path, e) : null;
        }
    }

    /// <summary>Writes the file, whole or not at all.</summary>
    /// <exception cref="InputException">The file cannot be written, or a score is not a number.</exception>
    public void Write(string path) => OutputFile.WriteTogether(ToOutput(path));

    /// <summary>The file, to be written beside others.</summary>
    public Output ToOutput(string path)
    {
        if (Scores is not null && !Scores.Graph.Matches(Graph)) throw new ArgumentException("the scores belong to another graph", nameof(path));
        if (NodeScores is not null && NodeScores.Count != Graph.Model.Sources * Graph.Spans.Count) throw new ArgumentException("the scores of nodes belong to another graph", nameof(path));
        if (!InGraph.Graph.Matches(Graph)) throw new ArgumentException("the circuit belongs to another graph", nameof(path));
        return new(path, stream => SpanScoreFileWriter.Write(this, stream, path));
    }

    /// <summary>The edges in the order of a file: span by span as in <see cref="ScoreFile.EdgeOrder"/>, then those between spans.</summary>
    public static IEnumerable<SpanEdgeId> EdgeOrder(SpanGraph graph)
    {
        ArgumentNullException.ThrowIfNull(graph);
        return Enumerable.Range(0, graph.Spans.Count).SelectMany(s => ScoreFile.EdgeOrder(graph.Model).Select(edge => graph.Within(s, edge))).Concat(graph.CrossingEdges);
    }

    private static bool HasSpans(Stream stream, string path)
    {
        try
        {
            var tokens = new JsonTokens(stream, path);
            if (!tokens.Read() || tokens.Type != JsonTokenType.StartObject) return false;
            for (tokens.Next(); tokens.Type == JsonTokenType.PropertyName; tokens.Next())
            {
                if (tokens.Text is "spans") return true;
                tokens.Skip();
            }
            return false;
        }
        catch (InputException)
        {
            return false;
        }
        finally
        {
            stream.Position = 0;
        }
    }
}
