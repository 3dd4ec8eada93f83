using System.Collections;
using System.Text.Json;
using Faith.Engine.Graphs;

namespace Faith.Engine.ScoreFiles;

/// <summary>Reads a <see cref="SpanScoreFile"/>. The file is not trusted: what is allocated is bounded by its length.</summary>
internal sealed class SpanScoreFileReader
{
    private readonly JsonTokens tokens;
    private readonly SpanGraph graph;
    private readonly double[] scores;
    private readonly BitArray listed;
    private readonly List<SpanEdgeId> inGraph = [];
    private readonly double[] nodeScores;
    private int scoredNodes;
    private RunRecord? run;
    private int scored;
    private SpanEdgeId? firstUnscored;

    // Where the reader is, for messages.
    private string section = "", entry = "", key = "";

    private SpanScoreFileReader(JsonTokens tokens, SpanGraph graph)
    {
        (this.tokens, this.graph) = (tokens, graph);
        scores = new double[graph.Entries];
        listed = new BitArray(graph.Entries);
        nodeScores = new double[graph.Model.Sources * graph.Spans.Count];
        tokens.Place = () => section + (entry.Length > 0 ? $"[{PlainText.Quote(entry)}]" : "") + (key.Length > 0 ? "." + key : "");
    }

    /// <summary>Reads a file from a stream that can be read several times: cfg and spans, which size everything, may come last.</summary>
    public static SpanScoreFile Read(Stream stream, string name)
    {
        var (model, dModel) = ScoreFileReader.ReadConfig(new JsonTokens(stream, name), stream.Length);
        stream.Position = 0;
        var graph = ReadSpans(new JsonTokens(stream, name), model, stream.Length);
        stream.Position = 0;
        return new SpanScoreFileReader(new JsonTokens(stream, name), graph).ReadAll(dModel);
    }

    private static SpanGraph ReadSpans(JsonTokens tokens, ModelGraph model, long fileLength)
    {
        tokens.Next();
        for (tokens.Next(); tokens.Text is not "spans"; tokens.Next()) tokens.Skip();
        tokens.Place = () => "spans";
        tokens.Expect(JsonTokenType.StartArray, "an array of names");
        var names = new List<string>();
        for (tokens.Next(); tokens.Type != JsonTokenType.EndArray; tokens.Next())
        {
            if (tokens.Type != JsonTokenType.String) throw tokens.Fault("should hold only names");
            names.Add(tokens.Text.ToString());
            if (names[^1].Any(c => !char.IsAsciiDigit(c)) || names[^1].Length == 0)
            {
                if (SpanGraph.Fault(names[^1]) is { } fault) throw tokens.Fault($"the name {PlainText.Quote(names[^1])} {fault}");
            }
            if (!SpanGraph.CanHold(model, names.Count)) throw tokens.Fault($"{names.Count} spans or more of such a model have more edges than can be held");
            if (SpanGraph.EntriesOf(model, names.Count) > ScoreFileReader.MostPairs(fileLength)) throw tokens.Fault($"{names.Count} spans or more have more edges than a file of {fileLength} bytes can list");
        }
        if (names.Count == 0) throw tokens.Fault("lists no span");
        if (names.GroupBy(name => name).FirstOrDefault(group => group.Count() > 1) is { } twice) throw tokens.Fault($"lists {PlainText.Quote(twice.Key)} twice");
        if (names.FirstOrDefault(name => name.All(char.IsAsciiDigit)) is { } number && !SpanGraph.AreTokens(names)) throw tokens.Fault($"the name {PlainText.Quote(number)} {SpanGraph.Fault(number)}, and these spans are no tokens");
        return new SpanGraph(model, names);
    }

    private SpanScoreFile ReadAll(int dModel)
    {
        var seen = new HashSet<string>();
        tokens.Expect(JsonTokenType.StartObject, "an object with cfg, spans and edges");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            section = tokens.Text is "edges" or "run" or "cfg" or "spans" or "nodes" ? tokens.Text.ToString() : "";
            if (section.Length > 0 && !seen.Add(section)) throw tokens.Fault("given twice");
            if (section == "edges") ReadEdges();
            else if (section == "nodes") ReadNodes();
            else if (section == "run") run = RunRecordJson.Read(tokens, k => key = k);
            else tokens.Skip();
            section = key = "";
        }
        tokens.Read();
        section = "edges";
        if (!listed.HasAnySet()) throw tokens.Fault($"lists none of the {graph.Edges} edges");
        if (scored > 0 && firstUnscored is { } unscored)
        {
            entry = graph.EdgeName(unscored);
            throw tokens.Fault("has no score where other edges have one");
        }
        section = "nodes";
        if (scoredNodes > 0 && scoredNodes < nodeScores.Length) throw tokens.Fault($"has scores for {scoredNodes} of {nodeScores.Length} nodes; all or none should have one");
        return new SpanScoreFile { Graph = graph, DModel = dModel, Scores = scored > 0 ? new SpanScores(graph, scores) : null, NodeScores = scoredNodes > 0 ? nodeScores : null, InGraph = new SpanCircuit(graph, inGraph), Run = run };
    }

    private void ReadNodes()
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with an entry for each node");
        var given = new HashSet<(NodeId, int)>();
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next(), entry = "")
        {
            if (!graph.TrySplit(tokens.Text, out var what, out var span) || !GraphNames.TryParseNode(graph.Model, what, out var node))
            {
                throw tokens.Fault($"{PlainText.Quote(tokens.Text)} is not a node of a model of {graph.Model.Layers} layers and {graph.Model.Heads} heads at one of the spans {PlainText.Short(string.Join(", ", graph.Spans), 200)}");
            }
            entry = tokens.Text.ToString();
            if (!given.Add((node, span))) throw tokens.Fault("given twice");
            tokens.Expect(JsonTokenType.StartObject, "an object with score and in_graph");
            var hasScore = false;
            for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next(), key = "")
            {
                if (tokens.Text is not "score" || node == graph.Model.LogitsNode)
                {
                    tokens.Skip();
                    continue;
                }
                key = "score";
                nodeScores[node * graph.Spans.Count + span] = hasScore ? throw tokens.Fault("given twice") : tokens.Finite();
                hasScore = true;
            }
            if (hasScore) scoredNodes++;
        }
    }

    private void ReadEdges()
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with an entry for each edge");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next(), entry = "")
        {
            if (!graph.TryParseEdge(tokens.Text, out var edge))
            {
                throw tokens.Fault($"{PlainText.Quote(tokens.Text)} is not an edge of a model of {graph.Model.Layers} layers and {graph.Model.Heads} heads over the spans {PlainText.Short(string.Join(", ", graph.Spans), 200)}");
            }
            entry = tokens.Text.ToString();
            if (listed[edge]) throw tokens.Fault("given twice");
            listed[edge] = true;
            ReadEdge(edge);
        }
    }

    private void ReadEdge(SpanEdgeId edge)
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with score and in_graph");
        bool member = false, hasScore = false;
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next(), key = "")
        {
            switch (tokens.Text)
            {
                case "score": key = "score"; scores[edge] = hasScore ? throw tokens.Fault("given twice") : tokens.Finite(); hasScore = true; break;
                case "in_graph": key = "in_graph"; member = tokens.Boolean(); break;
                default: tokens.Skip(); break;
            }
        }
        if (member) inGraph.Add(edge);
        if (hasScore) scored++;
        else firstUnscored ??= edge;
    }
}
