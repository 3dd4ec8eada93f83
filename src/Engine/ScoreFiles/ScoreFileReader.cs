using System.Collections;
using System.Text.Json;
using Faith.Engine.Graphs;

namespace Faith.Engine.ScoreFiles;

/// <summary>Reads a <see cref="ScoreFile"/>. The file is not trusted: what is allocated is bounded by its length.</summary>
internal sealed class ScoreFileReader
{
    internal const int MostLayers = 10_000, MostHeads = 10_000, MostWidth = 1 << 24;
    // Files may list a part of the edges, but not stand for a graph a thousand times their size.
    private const int PairsOfAByte = 1000, PairsOfAnyFile = 4 << 20;

    private readonly JsonTokens tokens;
    private readonly ModelGraph graph;
    private readonly int dModel;
    private readonly double[] scores;
    private readonly BitArray listed;
    private readonly List<EdgeId> inGraph = [];
    private readonly bool?[] nodeInGraph;
    private NodeEntry?[]? nodes;
    private bool[]?[]? neurons;
    private RunRecord? run;
    private int listedCount, scoredCount;
    private EdgeId? firstUnscored;

    // Where the reader is, for messages.
    private string section = "", key = "";
    private NodeId? node;
    private EdgeId? edge;

    private ScoreFileReader(JsonTokens tokens, ModelGraph graph, int dModel)
    {
        (this.tokens, this.graph, this.dModel) = (tokens, graph, dModel);
        scores = new double[graph.Pairs];
        listed = new BitArray(scores.Length);
        nodeInGraph = new bool?[graph.Nodes];
        tokens.Place = Place;
    }

    /// <summary>Reads a score file from a stream that can be read twice: cfg, which sizes everything, may come last.</summary>
    public static ScoreFile Read(Stream stream, string name)
    {
        var (graph, dModel) = ReadConfig(new JsonTokens(stream, name), stream.Length);
        stream.Position = 0;
        return new ScoreFileReader(new JsonTokens(stream, name), graph, dModel).ReadAll();
    }

    internal static (ModelGraph Graph, int DModel) ReadConfig(JsonTokens tokens, long fileLength)
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with cfg, nodes and edges");
        while (true)
        {
            tokens.Next();
            if (tokens.Type == JsonTokenType.EndObject) throw tokens.Fault("has no \"cfg\": not a score file");
            if (tokens.Text is "cfg") break;
            tokens.Skip();
        }
        int layers = -1, heads = -1, dModel = 0;
        var parallel = false;
        var place = "cfg";
        tokens.Place = () => place;
        tokens.Expect(JsonTokenType.StartObject, "an object with n_layers, n_heads and parallel_attn_mlp");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            var name = tokens.Text;
            switch (name)
            {
                case "n_layers": place = "cfg.n_layers"; layers = tokens.Integer(1, MostLayers); break;
                case "n_heads": place = "cfg.n_heads"; heads = tokens.Integer(1, MostHeads); break;
                case "d_model": place = "cfg.d_model"; dModel = tokens.Integer(1, MostWidth); break;
                case "parallel_attn_mlp": place = "cfg.parallel_attn_mlp"; parallel = tokens.Boolean(); break;
                default: place = "cfg"; tokens.Skip(); break;
            }
        }
        place = "cfg";
        if (layers < 0) throw tokens.Fault("lacks n_layers");
        if (heads < 0) throw tokens.Fault("lacks n_heads");
        if (TooLarge(layers, heads, parallel, fileLength) is { } what) throw tokens.Fault(what);
        return (new ModelGraph(layers, heads, parallel), dModel);
    }

    /// <summary>Why a file of so many bytes cannot be of a graph, or null where it can.</summary>
    internal static string? TooLarge(int layers, int heads, bool parallel, long fileLength)
    {
        if (!ModelGraph.CanHold(layers, heads)) return $"{layers} layers of {heads} heads are more than can be handled";
        var graph = new ModelGraph(layers, heads, parallel);
        return graph.Pairs <= MostPairs(fileLength) ? null
            : $"{layers} layers of {heads} heads have {graph.Edges} edges, which are too many for a file of {fileLength} bytes";
    }

    /// <summary>Most entries of scores that a file of so many bytes may stand for.</summary>
    internal static long MostPairs(long fileLength) => PairsOfAnyFile + fileLength * PairsOfAByte;

    private ScoreFile ReadAll()
    {
        var seen = new HashSet<string>();
        tokens.Expect(JsonTokenType.StartObject, "an object with cfg, nodes and edges");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            if (tokens.Text is "spans") throw tokens.Fault("holds scores by span (faith attribute --positions), which this command does not take; faith circuit, evaluate, curve and draw do");
            section = tokens.Text switch { "nodes" => "nodes", "edges" => "edges", "run" => "run", "cfg" => "cfg", _ => "" };
            if (section.Length > 0 && !seen.Add(section)) throw tokens.Fault("given twice");
            switch (section)
            {
                case "nodes": ReadNodes(); break;
                case "edges": ReadEdges(); break;
                case "run": run = RunRecordJson.Read(tokens, k => key = k); break;
                default: tokens.Skip(); break;
            }
            section = key = "";
        }
        tokens.Read();
        return Assemble();
    }

    private void ReadNodes()
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with an entry for each node");
        var given = new bool[graph.Nodes];
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            if (!GraphNames.TryParseNode(graph, tokens.Text, out var named)) throw Unknown("a node");
            node = named;
            if (given[named]) throw tokens.Fault("given twice");
            given[named] = true;
            tokens.Next();
            if (tokens.Type is JsonTokenType.True or JsonTokenType.False) nodeInGraph[named] = tokens.Type == JsonTokenType.True;
            else if (tokens.Type == JsonTokenType.StartObject) ReadNode(named);
            else throw tokens.Fault("should be an object or true or false");
            node = null;
        }
    }

    private void ReadNode(NodeId named)
    {
        var entry = NodeEntry.None;
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next(), key = "")
        {
            switch (tokens.Text)
            {
                case "in_graph": key = "in_graph"; nodeInGraph[named] = tokens.Boolean(); break;
                case "score": key = "score"; entry = entry with { Score = tokens.OptionalScore() }; break;
                case "neurons": key = "neurons"; (neurons ??= new bool[]?[graph.Nodes])[named] = ReadArray(Flag); break;
                case "neurons_scores": key = "neurons_scores"; entry = entry with { NeuronScores = ReadScores() }; break;
                default: tokens.Skip(); break;
            }
        }
        if (entry != NodeEntry.None) (nodes ??= new NodeEntry?[graph.Nodes])[named] = entry;

        static bool Flag(JsonTokens t) =>
            t.Type is JsonTokenType.True or JsonTokenType.False ? t.Type == JsonTokenType.True : throw t.Fault("should hold only true and false");
    }

    // A node of which no neuron has a score has none.
    private double[]? ReadScores()
    {
        tokens.TakesNotFinite = true;
        var scores = ReadArray(t => t.Type switch
        {
            JsonTokenType.Null => double.NaN,
            JsonTokenType.Number when !double.IsInfinity(t.Number) => t.Number,
            _ => throw t.Fault("should hold only finite numbers"),
        });
        tokens.TakesNotFinite = false;
        return scores.All(double.IsNaN) ? null : scores;
    }

    private T[] ReadArray<T>(Func<JsonTokens, T> element)
    {
        tokens.Expect(JsonTokenType.StartArray, "an array");
        var values = new List<T>();
        for (tokens.Next(); tokens.Type != JsonTokenType.EndArray; tokens.Next()) values.Add(element(tokens));
        if (dModel > 0 && values.Count != dModel) throw tokens.Fault($"has {values.Count} entries where d_model is {dModel}");
        return [.. values];
    }

    private void ReadEdges()
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with an entry for each edge");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            if (!GraphNames.TryParseEdge(graph, tokens.Text, out var named)) throw Unknown("an edge");
            edge = named;
            if (listed[named]) throw tokens.Fault("given twice");
            listed[named] = true;
            listedCount++;
            ReadEdge(named);
            edge = null;
        }
    }

    private void ReadEdge(EdgeId named)
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with score and in_graph");
        bool member = false, scored = false;
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next(), key = "")
        {
            switch (tokens.Text)
            {
                case "score": key = "score"; scores[named] = scored ? throw tokens.Fault("given twice") : tokens.Finite(); scored = true; break;
                case "in_graph": key = "in_graph"; member = tokens.Boolean(); break;
                default: tokens.Skip(); break;
            }
        }
        if (member) inGraph.Add(named);
        if (scored) scoredCount++;
        else firstUnscored ??= named;
    }

    private ScoreFile Assemble()
    {
        section = "edges";
        if (listedCount == 0 && nodes is null) throw tokens.Fault($"lists none of the {graph.Edges} edges of {Shape()}");
        if (scoredCount > 0 && firstUnscored is not null)
        {
            edge = firstUnscored;
            throw tokens.Fault("has no score where other edges have one");
        }
        foreach (var e in inGraph)
        {
            edge = e;
            CheckEnd(graph.SourceOf(e));
            CheckEnd(graph.TargetOf(e));
        }
        return new ScoreFile
        {
            Graph = graph,
            DModel = dModel,
            Scores = scoredCount > 0 ? new EdgeScores(graph, scores) : null,
            InGraph = new Circuit(graph, inGraph, Neurons()),
            Nodes = nodes is null ? null : Array.ConvertAll(nodes, n => n ?? NodeEntry.None),
            Run = run,
        };

        void CheckEnd(NodeId end)
        {
            if (end == graph.LogitsNode || nodeInGraph[end] != false) return;
            throw tokens.Fault($"is in the graph but its node {graph.NodeName(end)} is not");
        }
    }

    /// <summary>The neurons that the nodes name; logits puts nothing out, and a node that names none has them all.</summary>
    private NeuronSet? Neurons()
    {
        if (neurons?.Take(graph.Sources).FirstOrDefault(n => n is not null) is not { } first) return null;
        (section, edge) = ("nodes", null);
        if ((long)graph.Sources * first.Length > int.MaxValue) throw tokens.Fault($"{first.Length} neurons a node are more than can be handled");
        var members = new List<int>();
        foreach (var u in graph.AllSources)
        {
            (node, key) = (u, "neurons");
            if (neurons[u] is { } given && given.Length != first.Length) throw tokens.Fault($"has {given.Length} entries where others have {first.Length}");
            for (var c = 0; c < first.Length; c++)
            {
                if (neurons[u]?[c] ?? true) members.Add(u * first.Length + c);
            }
        }
        return new NeuronSet(graph, first.Length, members);
    }

    private InputException Unknown(string what) => tokens.Fault($"{PlainText.Quote(tokens.Text)} is not {what} of {Shape()}");

    private string Shape() => $"a model of {graph.Layers} layers and {graph.Heads} heads";

    private string Place()
    {
        var entry = node is { } n ? graph.NodeName(n) : edge is { } e ? graph.EdgeName(e) : "";
        return section + (entry.Length > 0 ? $"[\"{entry}\"]" : "") + (key.Length > 0 ? "." + key : "");
    }
}
