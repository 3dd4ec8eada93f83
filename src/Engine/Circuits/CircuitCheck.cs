using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;

namespace Faith.Engine.Circuits;

/// <summary>
/// Whether a circuit is all of it and nothing but it: what is outside it should keep none of the behaviour, and it should need each of
/// its edges. Both are simpler than the completeness and minimality of Wang et al. (2023, §4), which compare circuit and model without
/// sets K of nodes: the first is their completeness for the one K that is the whole circuit, the second their minimality with K empty.
/// </summary>
public sealed class CircuitCheck
{
    private readonly double[] without;

    private CircuitCheck(Circuit circuit, IReadOnlyList<Faithfulness> results)
    {
        (Circuit, Faithfulness, Complement) = (circuit, results[0], results[1]);
        without = [.. results.Skip(2).Select(r => r.Normalised)];
    }

    /// <summary>The circuit.</summary>
    public Circuit Circuit { get; }
    /// <summary>What it keeps.</summary>
    public Faithfulness Faithfulness { get; }
    /// <summary>What all edges outside it keep: near 0 where the circuit is all of it, and no proof that it is. What is lost there is how necessary the circuit is.</summary>
    public Faithfulness Complement { get; }

    /// <summary>What every edge gives to the circuit, the least first: 0 for one that it does not need, below 0 for one that harms it.</summary>
    public IReadOnlyList<EdgeContribution> Contributions =>
        [.. Circuit.Edges.Select((edge, i) => new EdgeContribution(edge, Faithfulness.Normalised - without[i]))
            .OrderBy(c => c.Contribution)];

    /// <summary>Evaluates the circuit, its complement and the circuit without each of its edges.</summary>
    /// <exception cref="InputException">The circuit is of another graph.</exception>
    public static CircuitCheck Run(TransformerSet models, IReadOnlyList<Example> data, Circuit circuit, EvaluationOptions options,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(circuit);
        var graph = circuit.Graph;
        if (circuit.Neurons is not null) throw new InputException("what is outside a circuit of neurons is not a set of edges: it can be evaluated, but not checked");
        Circuit[] circuits = [circuit, circuit.Complement(), .. circuit.Edges.Select(edge => new Circuit(graph, circuit.Edges.Where(e => e != edge)))];
        return new(circuit, CircuitEvaluator.Evaluate(models, data, circuits, options, progress, cancellation));
    }
}
