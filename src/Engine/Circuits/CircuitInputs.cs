using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// The in-edges of a circuit by column, without those that cannot carry a difference: a source is live when it has an
/// out-edge and, unless it is the input, an in-edge from a live source.
/// </summary>
internal sealed class CircuitInputs
{
    private readonly int[][] lists;
    private readonly bool[] live;

    public CircuitInputs(Circuit circuit)
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

    /// <summary>True when a node's output can differ from the corrupted run's and somebody reads it.</summary>
    public bool IsLive(int node) => live[node];
}
