using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// What of a circuit has to be computed. Under patching a source is live when a difference can reach it (it is the
/// input, or has a live source) and its output can reach logits. Under another ablation the second is enough: what a node computes
/// from ablated inputs is not its own ablated output. It is needed on all rows when something reads it there: keys and values are read from every
/// row, queries and MLPs only where their own output is needed, logits in each sequence's last row.
/// </summary>
internal sealed class CircuitInputs : ICircuitNodes
{
    private readonly NodeId[][] lists;
    private readonly bool[] live;
    private readonly bool[] allRows;

    /// <summary>What is computed of a circuit.</summary>
    /// <param name="circuit">The circuit.</param>
    /// <param name="patching">False under another ablation than patching.</param>
    /// <param name="joined">True where heads of a layer are normed together, so that the queries of all are computed on the rows on which those of one are.</param>
    public CircuitInputs(Circuit circuit, bool patching, bool joined = false)
    {
        var graph = circuit.Graph;
        CutsOutputs = circuit.Neurons is not null;
        var all = circuit.Edges.ToLookup(graph.ColumnOf, graph.SourceOf);

        // Columns of a node come after those of every node that can feed it, so one sweep up and one down settle everything.
        var reached = new bool[graph.Nodes];
        if (patching) reached[ModelGraph.InputNode] = true;
        else Array.Fill(reached, true);
        lists = new NodeId[graph.Columns][];
        foreach (var v in graph.AllColumns)
        {
            lists[v] = [.. all[v].Where(u => reached[u])];
            if (lists[v].Length > 0) reached[graph.NodeOfColumn(v)] = true;
        }
        var useful = new bool[graph.Nodes];
        useful[graph.LogitsNode] = true;
        allRows = new bool[graph.Sources];
        foreach (var v in graph.AllColumns.Reverse())
        {
            var node = graph.NodeOfColumn(v);
            if (!useful[node]) lists[v] = [];
            var kind = graph.DestinationOf(v).Kind;
            if (joined && kind == InputKind.Value && useful[node]) JoinRows(graph, useful, graph.DestinationOf(v).Layer);
            var everywhere = kind is InputKind.Key or InputKind.Value || (node != graph.LogitsNode && allRows[node]);
            foreach (var u in lists[v])
            {
                useful[u] = true;
                allRows[u] |= everywhere;
            }
        }
        live = useful[..graph.Sources];
        var numbers = new int[graph.Sources];
        var nodes = new List<CircuitNode>();
        foreach (var u in graph.AllSources.Where(IsLive))
        {
            numbers[u] = nodes.Count;
            nodes.Add(new(u, -1, [.. graph.ColumnsOf(u).Select(Numbers)], allRows[u], circuit.Neurons is { } set && !set.HasAllOf(u) ? set : null));
        }
        Nodes = nodes;
        Logits = Numbers(graph.LogitsColumn);

        int[] Numbers(ColumnId column) => Array.ConvertAll(lists[column], u => numbers[u]);
    }

    // Of a layer's columns those of values come first here, when all that reads its heads has been seen.
    private void JoinRows(ModelGraph graph, bool[] useful, int layer)
    {
        NodeId[] heads = [.. Enumerable.Range(0, graph.Heads).Select(h => graph.HeadNode(layer, h)).Where(head => useful[head])];
        if (!heads.Any(head => allRows[head])) return;
        foreach (var head in heads) allRows[head] = true;
    }

    /// <summary>The live sources.</summary>
    public IReadOnlyList<CircuitNode> Nodes { get; }

    public int[] Logits { get; }

    public bool CutsOutputs { get; }

    /// <summary>The live sources that feed a column, ascending.</summary>
    public NodeId[] Into(ColumnId column) => lists[column];

    /// <summary>True when a node's output can differ from its ablated one and reaches logits.</summary>
    public bool IsLive(NodeId node) => live[node];

    /// <summary>True when a live node's output is read in rows other than each sequence's last.</summary>
    public bool OnAllRows(NodeId node) => allRows[node];
}
