using Faith.Engine.Data;

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
    /// full circuit is the clean run to the bit.
    /// </summary>
    public static LiteralRun Run(LiteralModel model, Example example, Func<int, int, bool> kept, Value[] ablated) =>
        model.Run(example.Clean, input: (tape, column, stream, outputs) =>
        {
            for (var u = 0; u < model.Graph.SourcesBefore(column); u++)
            {
                if (kept(u, column)) continue;
                stream = tape.Add(stream, tape.Add(ablated[u], tape.Scale(outputs[u], -1)));
            }
            return stream;
        });
}
