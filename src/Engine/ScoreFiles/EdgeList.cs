using System.Text;
using System.Text.RegularExpressions;
using Faith.Engine.Files;
using Faith.Engine.Graphs;

namespace Faith.Engine.ScoreFiles;

/// <summary>
/// A circuit written down by hand: the name of an edge a line, as a9.h9->logits or m0->a5.h1&lt;q&gt;. A * stands for anything in a name (m*->logits,
/// a9.*->m10), a. for the heads of any layer, and a head without its input for all three of them. What follows # is a comment.
/// </summary>
public static class EdgeList
{
    private const long Largest = 64 << 20;
    // No name is nearly as long, and nobody writes so many patterns by hand.
    private const int LongestName = 64, MostPatterns = 10_000;

    /// <summary>The circuit of a file.</summary>
    /// <exception cref="InputException">The file cannot be read, or a line names no edge of the graph; the message names the line.</exception>
    public static Circuit Read(string path, ModelGraph graph)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(graph);
        string text;
        try
        {
            text = new UTF8Encoding(false, throwOnInvalidBytes: true).GetString(RegularFile.ReadAll(path, FileUse.Scores, Largest, mayBeEmpty: true));
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"{path}: is not valid UTF-8; it must hold the name of an edge a line", e);
        }
        if (text.AsSpan().TrimStart() is ['{', ..]) throw new InputException($"{path}: is JSON, not a list of edges; it belongs to --scores or --circuit");
        var edges = new HashSet<EdgeId>();
        var (number, patterns) = (0, 0);
        foreach (var line in text.EnumerateLines())
        {
            number++;
            var name = line.IndexOf('#') is >= 0 and var comment ? line[..comment] : line;
            name = name.Trim(" \t\uFEFF");
            if (name.IsEmpty) continue;
            if (GraphNames.TryParseEdge(graph, name, out var edge))
            {
                edges.Add(edge);
                continue;
            }
            if (++patterns > MostPatterns) throw new InputException($"{path}, line {number}: has more than {MostPatterns} names with wildcards or without an input; write the edges out");
            EdgeId[] matching = [.. Matching(graph, name)];
            edges.UnionWith(matching);
            if (matching.Length == 0)
            {
                throw new InputException($"{path}, line {number}: {PlainText.Quote(name)} is no edge of a model of {graph.Layers} layers and {graph.Heads} heads; edges are called as in a1.h0->logits, input->m0 and m0->a1.h2<q>");
            }
        }
        return new Circuit(graph, edges);
    }

    private static IEnumerable<EdgeId> Matching(ModelGraph graph, ReadOnlySpan<char> name)
    {
        var arrow = name.IndexOf("->");
        if (arrow <= 0 || name.Length > LongestName) return [];
        Regex from = Pattern(name[..arrow]), to = Pattern(name[(arrow + 2)..]);
        NodeId[] sources = [.. graph.AllSources.Where(source => from.IsMatch(graph.NodeName(source)))];
        return graph.AllColumns.Where(column => to.IsMatch(graph.ColumnName(column)) || to.IsMatch(graph.NodeName(graph.NodeOfColumn(column))))
            .SelectMany(column => sources.Where(source => graph.IsEdge(source, column)).Select(source => graph.Edge(source, column)));
    }

    // Without backtracking: a line of many stars takes no longer than it is.
    private static Regex Pattern(ReadOnlySpan<char> name)
    {
        var text = name.Trim().ToString();
        if (text.StartsWith("a.", StringComparison.Ordinal)) text = $"a*{text[1..]}";
        return new($"^{Regex.Escape(text).Replace("\\*", ".*", StringComparison.Ordinal)}$", RegexOptions.NonBacktracking | RegexOptions.CultureInvariant);
    }
}
