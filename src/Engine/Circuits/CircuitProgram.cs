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
    public CircuitProgram(ModelGraph graph, IReadOnlyList<CircuitInputs> circuits, bool joined = false)
    {
        ColumnId[][] columns = [.. graph.AllSources.Select(u => graph.ColumnsOf(u).ToArray())];

        // Numbers in order of discovery; a node's inputs are known before it.
        var found = new List<ProgramNode>();
        var numbers = new Dictionary<int[], int>(ListComparer.Instance);
        var logits = new int[circuits.Count][];
        var layersAlike = new Dictionary<int[], int>(ListComparer.Instance);
        for (var i = 0; i < circuits.Count; i++)
        {
            var circuit = circuits[i];
            var numberOf = new int[graph.Sources];
            int[] Inputs(ColumnId column) => [.. circuit.Into(column).Select(u => numberOf[u])];

            // What all live heads of a layer read, and which of their outputs are cut: one head of each number is in a group.
            int Group(int l)
            {
                NodeId[] heads = [.. Enumerable.Range(0, graph.Heads).Select(h => graph.HeadNode(l, h)).Where(circuit.IsLive)];
                int[] alike = [l, circuit.Neurons is null ? -1 : i, .. heads.SelectMany(head =>
                    (int[])[head, .. columns[head].Select(Inputs).SelectMany(list => (int[])[list.Length, .. list])])];
                if (!layersAlike.TryGetValue(alike, out var number)) layersAlike[alike] = number = layersAlike.Count;
                return number;
            }

            foreach (var u in graph.AllSources)
            {
                if (!circuit.IsLive(u)) continue;
                int[][] inputs = [.. columns[u].Select(Inputs)];
                var neurons = circuit.Neurons is { } set && !set.HasAllOf(u) ? set : null;
                var group = joined && graph.PlaceOf(u) is { Kind: NodeKind.Head, Layer: var l } ? Group(l) : -1;
                // Outputs that are cut are a circuit's own.
                int[] key = [u, neurons is null ? -1 : i, group, .. inputs.SelectMany(list => (int[])[list.Length, .. list])];
                if (!numbers.TryGetValue(key, out numberOf[u]))
                {
                    numbers[key] = numberOf[u] = found.Count;
                    found.Add(new(u, inputs, neurons) { Group = group });
                }
                found[numberOf[u]].OnAllRows |= circuit.OnAllRows(u);
            }
            logits[i] = Inputs(graph.LogitsColumn);
        }

        int[] order = [.. Enumerable.Range(0, found.Count).OrderBy(n => graph.StageOf(found[n].Source)).ThenBy(n => found[n].OnAllRows ? 0 : 1).ThenBy(n => found[n].Group).ThenBy(n => found[n].Source)];
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
    public static IEnumerable<IReadOnlyList<CircuitInputs>> Cut(IEnumerable<CircuitInputs> circuits, int nodes)
    {
        var (group, held) = (new List<CircuitInputs>(), 0);
        foreach (var circuit in circuits)
        {
            if (group.Count > 0 && held + circuit.LiveNodes > nodes)
            {
                yield return group;
                (group, held) = ([], 0);
            }
            group.Add(circuit);
            held += circuit.LiveNodes;
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

    /// <summary>The places of what feeds one of its columns.</summary>
    public int[] Inputs(int column) => inputs[column];

    /// <summary>The same with places for numbers.</summary>
    public ProgramNode Placed(int[] places) => new(source, [.. inputs.Select(list => list.Select(n => places[n]).ToArray())], neurons) { OnAllRows = OnAllRows, Group = Group };
}
