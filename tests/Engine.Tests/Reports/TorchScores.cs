using System.Runtime.InteropServices;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Models;

namespace Faith.Engine.Tests.Reports;

/// <summary>Writes scores as the EAP-IG library's graph.to_pt does.</summary>
internal static class TorchScores
{
    public static void Write(string path, ScoreFile file, Action<Dictionary<string, object?>>? change = null)
    {
        var (graph, storages) = (file.Graph, new List<byte[]>());
        bool IsIn(NodeId node) => node == ModelGraph.InputNode || file.InGraph.Edges.Any(edge => graph.SourceOf(edge) == node || graph.TargetOf(edge) == node);
        var root = new Dictionary<string, object?>
        {
            ["cfg"] = new Dictionary<string, object?> { ["n_layers"] = graph.Layers, ["n_heads"] = graph.Heads, ["parallel_attn_mlp"] = graph.Parallel, ["d_model"] = file.DModel },
            ["src_nodes"] = new List<object?>(graph.AllSources.Select(graph.NodeName)),
            ["dst_nodes"] = new List<object?>(graph.AllColumns.Select(graph.ColumnName)),
            ["edges_in_graph"] = Flags([.. graph.AllSources.SelectMany(u => graph.AllColumns.Select(v => graph.IsEdge(u, v) && file.InGraph.Contains(graph.Edge(u, v))))], graph.Sources, graph.Columns),
            ["nodes_in_graph"] = Flags([.. graph.AllSources.Select(IsIn)], graph.Sources),
        };
        if (file.Scores is { } scores) root["edges_scores"] = Floats([.. scores.Values.Select(v => (float)v)], graph.Sources, graph.Columns);
        if (file.Nodes is { } nodes)
        {
            root["nodes_scores"] = Floats([.. nodes.Take(graph.Sources).Select(node => (float)(node.Score ?? double.NaN))], graph.Sources);
            if (nodes[0].NeuronScores is not null) root["neurons_scores"] = Floats([.. nodes.Take(graph.Sources).SelectMany(node => node.NeuronScores!).Select(v => (float)v)], graph.Sources, file.DModel);
        }
        if (file.InGraph.Neurons is { } neurons) root["neurons_in_graph"] = Flags([.. graph.AllSources.SelectMany(u => Enumerable.Range(0, file.DModel).Select(c => neurons.Contains(u, c)))], graph.Sources, file.DModel);
        change?.Invoke(root);
        TorchWriter.Save(path, root, storages);

        View Floats(float[] values, params long[] shape) => Add(TensorData.F32("", shape, values));
        View Flags(bool[] values, params long[] shape) => Add(new TensorData("", "BOOL", shape, MemoryMarshal.AsBytes<bool>(values).ToArray()));
        View Add(TensorData tensor)
        {
            storages.Add(tensor.Bytes);
            return TorchWriter.ViewOf(tensor, storages.Count - 1);
        }
    }
}
