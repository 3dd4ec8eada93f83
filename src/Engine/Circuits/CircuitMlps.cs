using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>The MLPs of circuits: norm of the mixed input (<see cref="NodeDifferences"/>), MLP, and the corrupted run's output taken away.</summary>
internal sealed class CircuitMlps
{
    private readonly Transformer model;
    private readonly CorruptedRun corrupted;
    private readonly NodeDifferences differences;
    private readonly Tensor hidden;
    private readonly Tensor gate;

    public CircuitMlps(Transformer model, Arena arena, PassLayout layout, CorruptedRun corrupted, NodeDifferences differences, int circuits)
    {
        (this.model, this.corrupted, this.differences) = (model, corrupted, differences);
        var c = model.Config;
        hidden = arena.Matrix(circuits * layout.Rows.All, c.MlpWidth);
        gate = c.Gated ? arena.Matrix(hidden.Rows, 2 * c.MlpWidth) : default;
    }

    /// <summary>Computes nodes of the MLP of layer l from place <paramref name="start"/> on, all of them needed in the same rows; returns how many.</summary>
    public int Run(int l, CircuitProgram program, int start, int end)
    {
        var (mlp, allRows) = (model.MlpBlock(l), program.Nodes[start].OnAllRows);
        var ofCorrupted = corrupted.Layer(l, allRows);
        var stream = ofCorrupted.MlpStream;
        var most = Math.Min(Math.Max(1, hidden.Rows / stream.Rows), differences.MostInputs(stream.Rows));
        ProgramNode[] nodes = [.. program.Nodes.Skip(start).Take(Math.Min(most, end - start)).TakeWhile(node => node.OnAllRows == allRows)];
        int[][] lists = [.. nodes.Select(node => node.Inputs(0))];
        var fit = differences.Fit(allRows, lists);
        (nodes, lists) = (nodes[..fit], lists[..fit]);
        var rows = nodes.Length * stream.Rows;
        var normed = differences.Mixed.RowRange(0, rows);
        model.Device.Mix(differences.Mix(stream, allRows, lists, mlp.Norm), normed);
        mlp.Output(GradientRule.Derivative, normed, gate.IsNone ? gate : gate.RowRange(0, rows), hidden.RowRange(0, rows), differences.At(start, allRows, nodes.Length));
        for (var i = 0; i < nodes.Length; i++)
        {
            model.Device.AddScaled(ofCorrupted.MlpOutput, -1, differences.At(start + i, allRows));
            differences.Finish(nodes[i], start + i);
        }
        return nodes.Length;
    }
}
