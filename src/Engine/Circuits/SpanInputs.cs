using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Circuits;

/// <summary>
/// What of a circuit over spans has to be computed: a node once for every span, as a node of an ordinary circuit whose output counts at the positions of that span alone. What a head at a
/// span t reads as its keys (values) is then one sum over nodes, those that feed the keys at t, and those that feed the keys at another span s where the circuit has the edge between the
/// two; at the positions of other spans nothing is added to what the ablated run has. A node is live as in <see cref="CircuitInputs"/>.
/// </summary>
internal sealed class SpanInputs : ICircuitNodes
{
    private readonly SpanCircuit circuit;
    private readonly SpanGraph graph;
    private readonly ModelGraph model;
    private readonly int[] present;
    private readonly bool[] reached;
    private readonly bool[] useful;
    private readonly bool[] allRows;
    private readonly int[][][] lists;

    /// <summary>What is computed of a circuit.</summary>
    /// <param name="circuit">The circuit.</param>
    /// <param name="rows">The rows that there are: spans without any need nothing, and logits are read in last rows.</param>
    /// <param name="patching">False under another ablation than patching.</param>
    /// <param name="joined">True where heads of a layer are normed together.</param>
    public SpanInputs(SpanCircuit circuit, SpanRows rows, bool patching, bool joined)
    {
        (this.circuit, graph, model) = (circuit, circuit.Graph, circuit.Graph.Model);
        present = [.. rows.Of.Distinct().Order()];
        var places = model.Sources * graph.Spans.Count;
        (reached, useful, allRows, lists) = (new bool[places], new bool[places], new bool[places], new int[places][][]);
        Reach(patching);
        Logits = [.. model.InEdges(model.LogitsColumn).SelectMany(edge => rows.OfLast.Distinct().Order().Where(s => Feeds(edge, s)).Select(s => At(model.SourceOf(edge), s)))];
        foreach (var place in Logits) useful[place] = true;
        FindUseful(joined);
        var numbers = new int[places];
        var nodes = new List<CircuitNode>();
        foreach (var u in model.AllSources)
        {
            foreach (var t in present.Where(t => useful[At(u, t)]))
            {
                numbers[At(u, t)] = nodes.Count;
                nodes.Add(new(u, t, [.. lists[At(u, t)].Select(list => Array.ConvertAll(list, place => numbers[place]))], allRows[At(u, t)], null));
            }
        }
        Nodes = nodes;
        Logits = Array.ConvertAll(Logits, place => numbers[place]);
    }

    public IReadOnlyList<CircuitNode> Nodes { get; }

    public int[] Logits { get; }

    public bool CutsOutputs => false;

    private int At(NodeId u, int span) => u * graph.Spans.Count + span;

    private bool Feeds(EdgeId edge, int span) => reached[At(model.SourceOf(edge), span)] && circuit.Contains(graph.Within(span, edge));

    /// <summary>What feeds every node, and whether anything does.</summary>
    private void Reach(bool patching)
    {
        foreach (var u in model.AllSources)
        {
            ColumnId[] columns = [.. model.ColumnsOf(u)];
            foreach (var t in present)
            {
                lists[At(u, t)] = [.. columns.Select(column => Into(column, t))];
                reached[At(u, t)] = !patching || u == ModelGraph.InputNode || lists[At(u, t)].Any(list => list.Length > 0);
            }
        }
    }

    private int[] Into(ColumnId column, int reader)
    {
        var (kind, layer, head) = model.DestinationOf(column);
        int[] spans = kind is not (InputKind.Key or InputKind.Value) ? [reader]
            : [.. present.Where(s => s == reader || (graph.Crosses(s, reader) && circuit.Contains(graph.Crossing(kind, layer, head, s, reader))))];
        var list = new List<int>();
        foreach (var edge in model.InEdges(column))
        {
            foreach (var s in spans)
            {
                if (Feeds(edge, s)) list.Add(At(model.SourceOf(edge), s));
            }
        }
        return [.. list];
    }

    /// <summary>Which nodes reach logits, and on which rows they are read. What reads a node comes after it.</summary>
    private void FindUseful(bool joined)
    {
        foreach (var u in model.AllSources.Reverse())
        {
            var (kind, layer, head) = model.PlaceOf(u);
            // All that reads the heads of this layer has been seen.
            if (joined && kind == NodeKind.Head && head == model.Heads - 1) JoinRows(layer);
            foreach (var t in present)
            {
                var own = lists[At(u, t)];
                if (!useful[At(u, t)])
                {
                    lists[At(u, t)] = [.. own.Select(_ => Array.Empty<int>())];
                    continue;
                }
                for (var column = 0; column < own.Length; column++)
                {
                    foreach (var place in own[column])
                    {
                        useful[place] = true;
                        allRows[place] |= column > 0 || allRows[At(u, t)];
                    }
                }
            }
        }
    }

    private void JoinRows(int layer)
    {
        foreach (var t in present)
        {
            int[] heads = [.. Enumerable.Range(0, model.Heads).Select(h => At(model.HeadNode(layer, h), t)).Where(place => useful[place])];
            if (heads.Any(place => allRows[place])) foreach (var place in heads) allRows[place] = true;
        }
    }
}
