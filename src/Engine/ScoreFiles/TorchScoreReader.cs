using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Pickles;

namespace Faith.Engine.ScoreFiles;

/// <summary>
/// Reads the scores that the EAP-IG library saves with torch.save (graph.to_pt): {cfg, src_nodes, dst_nodes, edges_scores [F × N],
/// edges_in_graph [F × N], nodes_in_graph [F], and where they were scored nodes_scores [F], neurons_scores and neurons_in_graph [F × d_model]}.
/// Rows and columns are numbered as in <see cref="ModelGraph"/>.
/// </summary>
internal sealed class TorchScoreReader
{
    private readonly TorchFile file;
    private readonly PickleDictionary root;
    private readonly ModelGraph graph;
    private readonly int dModel;

    private TorchScoreReader(TorchFile file)
    {
        this.file = file;
        root = file.Root as PickleDictionary ?? throw Fault("holds no dictionary with cfg and edges_scores: not a score file");
        var cfg = root["cfg"] as PickleDictionary ?? throw Fault("has no \"cfg\": not a score file");
        int layers = Integer(cfg, "n_layers", ScoreFileReader.MostLayers), heads = Integer(cfg, "n_heads", ScoreFileReader.MostHeads);
        var parallel = cfg["parallel_attn_mlp"] is not { } value ? false : value as bool? ?? throw Fault("cfg.parallel_attn_mlp should be true or false");
        dModel = cfg["d_model"] is null ? 0 : Integer(cfg, "d_model", ScoreFileReader.MostWidth);
        if (ScoreFileReader.TooLarge(layers, heads, parallel, file.Length) is { } what) throw Fault($"cfg: {what}");
        graph = new(layers, heads, parallel);
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="InputException">It is not of this form.</exception>
    public static ScoreFile Read(string path)
    {
        using var file = TorchFile.Open(path);
        var read = new TorchScoreReader(file).ReadAll();
        file.RequireUnchanged();
        return read;
    }

    private ScoreFile ReadAll()
    {
        RequireOrder("src_nodes", [.. graph.AllSources.Select(graph.NodeName)]);
        RequireOrder("dst_nodes", [.. graph.AllColumns.Select(graph.ColumnName)]);
        var (scores, members) = (Numbers("edges_scores", graph.Sources, graph.Columns), Numbers("edges_in_graph", graph.Sources, graph.Columns));
        var (nodesInGraph, nodeScores) = (Numbers("nodes_in_graph", graph.Sources), Numbers("nodes_scores", graph.Sources));
        if ((root["neurons_scores"] ?? root["neurons_in_graph"]) is not null && dModel == 0) throw Fault("cfg lacks d_model, which neurons need");
        var (neuronScores, neurons) = (Numbers("neurons_scores", graph.Sources, dModel), Numbers("neurons_in_graph", graph.Sources, dModel));
        if (scores is null && nodeScores is null && neuronScores is null) throw Fault("has no edges_scores, nodes_scores or neurons_scores: not a score file");

        var edges = new double[graph.Pairs];
        var inGraph = new List<EdgeId>();
        foreach (var edge in graph.AllEdges)
        {
            if (scores is not null) edges[edge] = double.IsFinite(scores[edge]) ? scores[edge] : throw Fault($"edges_scores: {graph.EdgeName(edge)} is NaN or infinite; the run that wrote it went wrong");
            if (members is null || members[edge] == 0) continue;
            inGraph.Add(edge);
            CheckEnd(graph.SourceOf(edge));
            CheckEnd(graph.TargetOf(edge));

            void CheckEnd(NodeId end)
            {
                if (end != graph.LogitsNode && nodesInGraph is not null && nodesInGraph[end] == 0) throw Fault($"edges_in_graph: {graph.EdgeName(edge)} is in the graph but its node {graph.NodeName(end)} is not");
            }
        }
        return new ScoreFile
        {
            Graph = graph,
            DModel = dModel,
            Scores = scores is null ? null : new EdgeScores(graph, edges),
            InGraph = new Circuit(graph, inGraph, neurons is null ? null : new NeuronSet(graph, dModel, Enumerable.Range(0, neurons.Length).Where(i => neurons[i] != 0))),
            Nodes = nodeScores is null && neuronScores is null ? null : Nodes(nodeScores, neuronScores),
        };
    }

    private NodeEntry[] Nodes(double[]? scores, double[]? neurons)
    {
        if (neurons is not null && Array.FindIndex(neurons, double.IsInfinity) is >= 0 and var at)
        {
            throw Fault($"neurons_scores: that of {graph.NodeName(new(at / dModel))} in column {at % dModel} is infinite; the run that wrote it went wrong");
        }
        return [.. Enumerable.Range(0, graph.Nodes).Select(node => node == graph.LogitsNode ? NodeEntry.None
            // What the library did not score is NaN.
            : new NodeEntry(scores is null || double.IsNaN(scores[node]) ? null : double.IsFinite(scores[node]) ? scores[node] : throw Fault($"nodes_scores: {graph.NodeName(new(node))} is infinite"),
                neurons?[(node * dModel)..((node + 1) * dModel)] is { } row && !row.All(double.IsNaN) ? row : null))];
    }

    private double[]? Numbers(string key, params long[] shape)
    {
        if (root[key] is not { } value) return null;
        var tensor = file.TryTensor(key, value) ?? throw Fault($"{key} should be a tensor");
        return tensor.Shape.SequenceEqual(shape) ? TensorNumbers.Read(tensor)
            : throw Fault($"{key} has the shape {Wording.Shape(tensor.Shape)}; a model of {graph.Layers} layers and {graph.Heads} heads makes it {Wording.Shape(shape)}");
    }

    // Names are given in the order of rows and columns, as a list or as the keys of a dictionary.
    private void RequireOrder(string key, string[] expected)
    {
        string?[] names;
        switch (root[key])
        {
            case null: return;
            case List<object?> list: names = [.. list.Select(name => name as string)]; break;
            case PickleDictionary dictionary: names = [.. dictionary.Named.Keys]; break;
            default: throw Fault($"{key} should be a list of names");
        }
        if (names.Length != expected.Length) throw Fault($"{key} has {names.Length} names; a model of {graph.Layers} layers and {graph.Heads} heads has {expected.Length}");
        for (var i = 0; i < names.Length; i++)
        {
            if (names[i] != expected[i]) throw Fault($"{key}: entry {i} is {PlainText.Name(names[i] ?? "no name")}, where {expected[i]} belongs");
        }
    }

    private int Integer(PickleDictionary cfg, string key, int most) => cfg[key] switch
    {
        null => throw Fault($"cfg lacks {key}"),
        long value when value >= 1 && value <= most => (int)value,
        _ => throw Fault($"cfg.{key} should be a whole number from 1 to {most}"),
    };

    private InputException Fault(string what) => new($"{file.Path}: {what}");
}
