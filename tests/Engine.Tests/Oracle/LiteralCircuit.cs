using Faith.Engine.Data;
using Faith.Engine.Graphs;

namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// Runs on the clean prompt in which only some edges carry what their source puts out, by the definition of method.md §6.
/// </summary>
public static class LiteralCircuit
{
    /// <summary>
    /// The run in which x_v = x_v(ablated) + Σ_{u: u → v kept} (z_u(current) − z_u(ablated)), column by column in topological
    /// order. It is written here the other way round, from the current stream: x_v = x_v(current) + Σ_{u: u → v not kept}
    /// (z_u(ablated) − z_u(current)). Both are Σ_kept z_u(current) + Σ_not kept z_u(ablated) + positions and biases, and so the
    /// full circuit is the clean run to the bit. With neurons given, u → v carries only those columns c of z_u with neuron(u, c):
    /// the others are ablated like what is not kept. Where heads are normed together they do not add up: x_v is then put together from what
    /// v sees every source put out.
    /// </summary>
    public static LiteralRun Run(LiteralModel model, Example example, Func<int, int, bool> kept, Value[] ablated, Func<int, int, bool>? neuron = null) =>
        model.Run(example.Clean, input: (tape, column, stream, outputs) =>
        {
            if (model.NormsOutputs)
            {
                return model.Stream(tape, column, u =>
                {
                    if (!kept(u, column)) return ablated[u];
                    if (neuron is null) return outputs[u];
                    var carried = Enumerable.Range(0, model.Width).Select(c => neuron(u, c) ? 1.0 : 0.0).ToArray();
                    var nothing = new double[model.Width];
                    return tape.Add(tape.ScaleAndShift(outputs[u], carried, nothing), tape.ScaleAndShift(ablated[u], Array.ConvertAll(carried, x => 1 - x), nothing));
                });
            }
            for (var u = 0; u < model.Graph.SourcesBefore(new(column)); u++)
            {
                var isKept = kept(u, column);
                if (isKept && neuron is null) continue;
                var difference = tape.Add(ablated[u], tape.Scale(outputs[u], -1));
                var lost = Enumerable.Range(0, model.Width).Select(c => isKept && neuron!(u, c) ? 0.0 : 1.0).ToArray();
                stream = tape.Add(stream, tape.ScaleAndShift(difference, lost, new double[model.Width]));
            }
            return stream;
        });

    /// <summary>
    /// Which edges of a circuit carry anything. Where the heads of a layer are normed together, heads outside the circuit take part with what they
    /// have in the ablated run: those that no path leads from to logits, and under patching those that no path of the input leads to.
    /// </summary>
    public static Func<int, int, bool> Kept(LiteralModel model, Circuit circuit, bool patching)
    {
        var graph = model.Graph;
        bool Has(int u, int v) => circuit.Contains(graph.Edge(new(u), new(v)));
        if (!model.JoinsHeads) return Has;
        var (fed, read) = (new bool[graph.Nodes], new bool[graph.Nodes]);
        fed[0] = read[graph.LogitsNode] = true;
        foreach (var v in graph.AllColumns) fed[graph.NodeOfColumn(v)] |= !patching || graph.InEdges(v).Any(e => circuit.Contains(e) && fed[graph.SourceOf(e)]);
        foreach (var e in graph.AllColumns.Reverse().SelectMany(graph.InEdges).Where(circuit.Contains)) read[graph.SourceOf(e)] |= read[graph.TargetOf(e)];
        return (u, v) => Has(u, v) && fed[u] && read[graph.NodeOfColumn(new(v))];
    }
}
