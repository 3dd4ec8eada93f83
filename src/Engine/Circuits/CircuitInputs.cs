using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// The in-edges of a circuit by column, without those that cannot carry a difference: under patching a source is live when it has
/// an out-edge and, unless it is the input, an in-edge from a live source. Under another ablation an out-edge is enough: what a
/// node computes from ablated inputs is not its own ablated output.
/// </summary>
internal sealed class CircuitInputs
{
    private readonly int[][] lists;
    private readonly bool[] live;

    public CircuitInputs(Circuit circuit, bool patching)
    {
        var graph = circuit.Graph;
        var (all, hasOut) = (new List<int>[graph.Columns], new bool[graph.Sources]);
        for (var v = 0; v < graph.Columns; v++) all[v] = [];
        foreach (var edge in circuit.Edges)
        {
            var (u, v) = Math.DivRem(edge, graph.Columns);
            all[v].Add(u);
            hasOut[u] = true;
        }
        lists = new int[graph.Columns][];
        live = new bool[graph.Sources];
        live[0] = hasOut[0];
        if (!patching) hasOut.CopyTo(live, 0);
        for (var v = 0; v < graph.Columns; v++)
        {
            // Columns of a node come after those of every node that can feed it.
            lists[v] = [.. all[v].Where(u => live[u])];
            var node = graph.NodeOfColumn(v);
            if (node < graph.Sources && lists[v].Length > 0 && hasOut[node]) live[node] = true;
        }
    }

    /// <summary>The live sources that feed a column, ascending.</summary>
    public int[] Of(int column) => lists[column];

    /// <summary>True when a node's output can differ from its ablated one and somebody reads it.</summary>
    public bool IsLive(int node) => live[node];
}
