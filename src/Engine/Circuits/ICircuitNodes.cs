using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>What of a circuit has to be computed.</summary>
internal interface ICircuitNodes
{
    /// <summary>The nodes in topological order: a node's inputs are numbers of nodes before it.</summary>
    IReadOnlyList<CircuitNode> Nodes { get; }

    /// <summary>The numbers of the nodes that feed logits.</summary>
    int[] Logits { get; }

    /// <summary>True where outputs are cut, which are then this circuit's own.</summary>
    bool CutsOutputs { get; }
}

/// <summary>A node that a circuit needs.</summary>
/// <param name="Source">Its number in the graph.</param>
/// <param name="Span">The span at whose positions alone its output counts; -1: at all.</param>
/// <param name="Inputs">What feeds its columns in the graph's order, each ascending by source.</param>
/// <param name="OnAllRows">True when its output is read in rows other than each sequence's last.</param>
/// <param name="Neurons">The columns of its output that are carried; null: all.</param>
internal sealed record CircuitNode(NodeId Source, int Span, int[][] Inputs, bool OnAllRows, NeuronSet? Neurons);
