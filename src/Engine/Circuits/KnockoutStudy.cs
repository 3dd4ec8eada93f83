using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Circuits;

/// <summary>
/// Completeness and minimality of a circuit C by knocking sets K of its nodes out of it and of the model M (Wang et al. 2023, arXiv 2211.00593, §4): a
/// complete circuit answers every knock-out as the model does, so |F(C∖K) − F(M∖K)| is small for every K; and of a minimal one every node v
/// makes a difference |F(C∖K) − F(C∖(K∪v))| for some K. F is the normalised faithfulness; a node is knocked out by ablating its output wherever
/// it is read. There are too many sets to try all: some are drawn (every node with probability ½), and one is grown greedily, by
/// the node of a few drawn ones that parts circuit and model most. What is found is a lower bound.
/// </summary>
public sealed class KnockoutStudy
{
    private const int GreedySteps = 10, Candidates = 10;

    private KnockoutStudy(IReadOnlyList<Knockout> sets, Knockout? greedy, IReadOnlyList<NodeNeed> needs) => (Sets, Greedy, Needs) = (sets, greedy, needs);

    /// <summary>The sets drawn.</summary>
    public IReadOnlyList<Knockout> Sets { get; }
    /// <summary>The set grown greedily, as it was when circuit and model were furthest apart; null where the circuit has no head and no MLP.</summary>
    public Knockout? Greedy { get; }
    /// <summary>What every head and MLP of the circuit makes for at the set where that is most, the least first. The empty set is tried too.</summary>
    public IReadOnlyList<NodeNeed> Needs { get; }

    /// <summary>Knocks out <paramref name="sets"/> drawn sets and a greedy one.</summary>
    /// <param name="models">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="circuit">C: a circuit of edges.</param>
    /// <param name="options">What is measured, and under which ablation.</param>
    /// <param name="sets">How many sets are drawn.</param>
    /// <param name="seed">Equal seeds draw equal sets.</param>
    /// <param name="progress">Told after every circuit of every micro-batch.</param>
    /// <param name="cancellation">Stops between circuits.</param>
    /// <exception cref="InputException">The circuit is of another graph, or of neurons.</exception>
    public static KnockoutStudy Run(TransformerSet models, IReadOnlyList<Example> data, Circuit circuit, EvaluationOptions options, int sets, ulong seed,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        if (circuit.Neurons is not null) throw new InputException("knock-outs are of the nodes of a circuit of edges; this one is of neurons");
        var (graph, full) = (circuit.Graph, Circuit.Full(circuit.Graph));
        var inside = circuit.NodesInCircuit();
        NodeId[] nodes = [.. graph.AllSources.Where(u => inside[u] && u != ModelGraph.InputNode)];
        var random = new Random64(seed);
        NodeId[][] drawn = [.. Enumerable.Range(0, nodes.Length == 0 ? 0 : sets).Select(_ => Draw(nodes, ref random))];
        var knockouts = Evaluate(drawn);
        return new(knockouts, Grow(ref random), nodes.Length == 0 ? [] : Needed());

        Knockout[] Evaluate(NodeId[][] tried)
        {
            var results = CircuitEvaluator.Evaluate(models, data, [.. tried.Select(k => Without(circuit, k)), .. tried.Select(k => Without(full, k))], options, progress, cancellation);
            return [.. tried.Select((k, i) => new Knockout(k, results[i].Normalised, results[tried.Length + i].Normalised))];
        }

        Knockout? Grow(ref Random64 draws)
        {
            Knockout? best = null;
            NodeId[] grown = [];
            for (var step = 0; step < Math.Min(GreedySteps, nodes.Length); step++)
            {
                NodeId[] others = [.. nodes.Except(grown)];
                draws.Shuffle<NodeId>(others);
                var furthest = Evaluate([.. others.Take(Candidates).Select(v => (NodeId[])[.. grown, v])]).MaxBy(k => k.Difference)!;
                grown = [.. furthest.Nodes];
                if (best is null || furthest.Difference > best.Difference) best = furthest;
            }
            return best;
        }

        // Set by set, so that the circuits need not all be held.
        NodeNeed[] Needed()
        {
            var most = new Dictionary<NodeId, NodeNeed>();
            var whole = CircuitEvaluator.Evaluate(models, data, [circuit], options, progress, cancellation)[0].Normalised;
            foreach (var (set, kept) in (IEnumerable<(NodeId[], double)>)[([], whole), .. drawn.Zip(knockouts, (set, k) => (set, k.Circuit))])
            {
                NodeId[] others = [.. nodes.Except(set)];
                var results = CircuitEvaluator.Evaluate(models, data, [.. others.Select(v => Without(circuit, [.. set, v]))], options, progress, cancellation);
                for (var i = 0; i < others.Length; i++)
                {
                    var need = new NodeNeed(others[i], set, Math.Abs(kept - results[i].Normalised));
                    if (!most.TryGetValue(need.Node, out var before) || need.Difference > before.Difference) most[need.Node] = need;
                }
            }
            return [.. most.Values.OrderBy(need => need.Difference).ThenBy(need => need.Node)];
        }
    }

    private static NodeId[] Draw(NodeId[] nodes, ref Random64 random)
    {
        var drawn = new List<NodeId>();
        foreach (var node in nodes)
        {
            if (random.Below(2) == 1) drawn.Add(node);
        }
        return [.. drawn];
    }

    private static Circuit Without(Circuit circuit, NodeId[] nodes)
    {
        var isOut = new bool[circuit.Graph.Sources];
        foreach (var node in nodes) isOut[node] = true;
        return new(circuit.Graph, circuit.Edges.Where(e => !isOut[circuit.Graph.SourceOf(e)]));
    }
}

/// <summary>A set of nodes knocked out of circuit and model.</summary>
/// <param name="Nodes">K.</param>
/// <param name="Circuit">F(C∖K).</param>
/// <param name="Model">F(M∖K).</param>
public sealed record Knockout(IReadOnlyList<NodeId> Nodes, double Circuit, double Model)
{
    /// <summary>|F(C∖K) − F(M∖K)|: 0 for every K if the circuit is complete.</summary>
    public double Difference => Math.Abs(Circuit - Model);
}

/// <summary>What one node of a circuit makes for.</summary>
/// <param name="Node">v.</param>
/// <param name="Set">K, the nodes knocked out besides, where that is most.</param>
/// <param name="Difference">|F(C∖K) − F(C∖(K∪v))|.</param>
public sealed record NodeNeed(NodeId Node, IReadOnlyList<NodeId> Set, double Difference);
