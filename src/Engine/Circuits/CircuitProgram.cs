using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>
/// What has to be computed for several circuits: their distinct nodes. Circuits share a node where everything that reaches it is the
/// same in them. Nodes stand in topological order, of one stage (<see cref="ModelGraph"/>) those needed on all rows first.
/// </summary>
internal sealed class CircuitProgram
{
    private readonly int[] starts;

    /// <summary>The program of some circuits; <paramref name="joined"/> where the heads of a layer are normed together, and a head depends on what all read.</summary>
    public CircuitProgram(ModelGraph graph, IReadOnlyList<ICircuitNodes> circuits, bool joined = false)
    {
        // Numbers in order of discovery; a node's inputs are known before it.
        var found = new List<ProgramNode>();
        var numbers = new Dictionary<int[], int>(ListComparer.Instance);
        var logits = new int[circuits.Count][];
        var layersAlike = new Dictionary<int[], int>(ListComparer.Instance);
        for (var i = 0; i < circuits.Count; i++)
        {
            var circuit = circuits[i];
            var numberOf = new int[circuit.Nodes.Count];
            int[] Numbers(int[] list) => Array.ConvertAll(list, n => numberOf[n]);

            // What all heads of a layer (and span) read, and which of their outputs are cut: one head of each number is in a group. Known when the first of them is.
            var heads = circuit.Nodes.Where(_ => joined).ToLookup(node => (graph.PlaceOf(node.Source).Layer, node.Span, graph.PlaceOf(node.Source).Kind));
            var groups = new Dictionary<(int, int), int>();
            int Group(int l, int span)
            {
                if (groups.TryGetValue((l, span), out var number)) return number;
                int[] alike = [l, span, circuit.CutsOutputs ? i : -1, .. heads[(l, span, NodeKind.Head)].SelectMany(head => (int[])[head.Source, .. head.Inputs.Select(Numbers).SelectMany(list => (int[])[list.Length, .. list])])];
                if (!layersAlike.TryGetValue(alike, out number)) layersAlike[alike] = number = layersAlike.Count;
                return groups[(l, span)] = number;
            }

            for (var n = 0; n < circuit.Nodes.Count; n++)
            {
                var node = circuit.Nodes[n];
                int[][] inputs = [.. node.Inputs.Select(Numbers)];
                var group = joined && graph.PlaceOf(node.Source) is { Kind: NodeKind.Head, Layer: var l } ? Group(l, node.Span) : -1;
                // Outputs that are cut are a circuit's own.
                int[] key = [node.Source, node.Span, node.Neurons is null ? -1 : i, group, .. inputs.SelectMany(list => (int[])[list.Length, .. list])];
                if (!numbers.TryGetValue(key, out numberOf[n]))
                {
                    numbers[key] = numberOf[n] = found.Count;
                    found.Add(new(node.Source, inputs, node.Neurons) { Group = group, Span = node.Span });
                }
                found[numberOf[n]].OnAllRows |= node.OnAllRows;
            }
            logits[i] = Numbers(circuit.Logits);
        }

        int[] order = [.. Enumerable.Range(0, found.Count).OrderBy(n => graph.StageOf(found[n].Source)).ThenBy(n => found[n].OnAllRows ? 0 : 1).ThenBy(n => found[n].Group).ThenBy(n => found[n].Span).ThenBy(n => found[n].Source)];
        var places = new int[order.Length];
        for (var place = 0; place < order.Length; place++) places[order[place]] = place;
        Nodes = [.. order.Select(n => found[n].Placed(places))];
        Logits = [.. logits.Select(list => list.Select(n => places[n]).ToArray())];
        starts = new int[graph.Stages + 1];
        foreach (var node in Nodes) starts[graph.StageOf(node.Source) + 1]++;
        for (var b = 1; b < starts.Length; b++) starts[b] += starts[b - 1];
    }

    /// <summary>The nodes; their places are their numbers in all lists.</summary>
    public IReadOnlyList<ProgramNode> Nodes { get; }

    /// <summary>What feeds logits, by circuit.</summary>
    public IReadOnlyList<int[]> Logits { get; }

    /// <summary>Places of the nodes of a stage.</summary>
    public (int First, int End) Stage(int stage) => (starts[stage], starts[stage + 1]);

    /// <summary>Neighbouring circuits that have together at most <paramref name="nodes"/> live nodes, or one that has more.</summary>
    public static IEnumerable<IReadOnlyList<ICircuitNodes>> Cut(IEnumerable<ICircuitNodes> circuits, int nodes)
    {
        var (group, held) = (new List<ICircuitNodes>(), 0);
        foreach (var circuit in circuits)
        {
            if (group.Count > 0 && held + circuit.Nodes.Count > nodes)
            {
                yield return group;
                (group, held) = ([], 0);
            }
            group.Add(circuit);
            held += circuit.Nodes.Count;
        }
        if (group.Count > 0) yield return group;
    }
}

/// <summary>A node of a <see cref="CircuitProgram"/>.</summary>
/// <param name="source">Its number in the graph.</param>
/// <param name="inputs">What feeds its columns in the graph's order (q, k and v of a head, the one of an MLP), each ascending by source.</param>
/// <param name="neurons">The columns of its output that are carried; null: all.</param>
internal sealed class ProgramNode(NodeId source, int[][] inputs, NeuronSet? neurons)
{
    /// <summary>Its number in the graph.</summary>
    public NodeId Source => source;
    /// <summary>The columns of its output that are carried; null: all.</summary>
    public NeuronSet? Neurons => neurons;
    /// <summary>True when its output is read in rows other than each sequence's last.</summary>
    public bool OnAllRows { get; set; }
    /// <summary>A number that heads share whose queries, and keys, are normed together; -1 where heads have nothing to do with each other.</summary>
    public int Group { get; init; }

    /// <summary>The span at whose positions alone its output counts; -1: at all.</summary>
    public int Span { get; init; } = -1;

    /// <summary>The places of what feeds one of its columns.</summary>
    public int[] Inputs(int column) => inputs[column];

    /// <summary>The same with places for numbers.</summary>
    public ProgramNode Placed(int[] places) => new(source, [.. inputs.Select(list => list.Select(n => places[n]).ToArray())], neurons) { OnAllRows = OnAllRows, Group = Group, Span = Span };
}
