using System.Runtime.InteropServices;
using Faith.Engine.Ablations;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>
/// What scores gain when the differences go to other outputs than those at which the path starts: with p_u on the path and c_u here,
/// Σ_pos (p_u + c_u − z_u)·G_v is the path's own score, and Σ_pos c_u·G_v beside it: one more contraction with the same gradients.
/// </summary>
internal sealed class ShiftedScores
{
    private readonly Transformer model;
    private readonly AblationTable outputs;
    private readonly AblatedRows rows;
    private readonly DifferenceCapture shift;
    private readonly Tensor input;
    private readonly Tensor scores;
    private readonly SourceDifferences sources;
    private readonly ScoreContraction contraction;
    private readonly EdgeId[] edges;

    /// <param name="outputs">c.</param>
    /// <param name="contract">The contraction of these outputs of the input and of these others into these scores.</param>
    public ShiftedScores(Transformer model, Arena arena, bool measuring, Batch batch, AblationTable outputs, Func<Tensor, DifferenceCapture, Tensor, ScoreContraction> contract)
    {
        (this.model, this.outputs) = (model, outputs);
        rows = new AblatedRows(model.Device, arena, measuring, outputs, batch);
        shift = new DifferenceCapture(model.Device, arena, model.Config, batch.Rows, batch.Sequences, rows);
        input = arena.Matrix(batch.Rows, model.Config.Width);
        scores = arena.Matrix(batch.Sequences, model.Graph.Pairs);
        contraction = contract(input, shift, scores);
        edges = [.. model.Graph.AllEdges];
        sources = new SourceDifferences(model, input, [.. shift.Contexts[..^1], shift.LastContext], [.. shift.MlpOutputs[..^1], shift.LastMlp], outputs.HeadsAsInput ? input : default);
    }

    /// <summary>Before the first contraction.</summary>
    public void Start(Indices lastRows)
    {
        rows.Input(input);
        shift.Start();
        shift.Finish(lastRows);
        model.Device.Fill(scores, 0);
    }

    /// <summary>With the gradients that were accumulated over so many steps.</summary>
    public void Contract(int steps)
    {
        contraction.Steps = steps;
        model.Device.ContractScores(contraction);
    }

    /// <summary>x += c of a source; in the last layer x has one row a sequence.</summary>
    public void AddOutput(NodeId source, Tensor x) => sources.Add(source, x);

    /// <summary>Adds what every edge gains to the scores [F·N] of one example of the micro-batch.</summary>
    public void AddTo(Span<float> destination, int example)
    {
        var gains = new float[scores.Columns];
        model.Device.Download(scores.RowRange(example, 1).Pointer, MemoryMarshal.AsBytes(gains.AsSpan()));
        foreach (var edge in edges)
        {
            // An output that is the input's gains with every v what the input gains: heads have no such row before W_O.
            destination[edge] += gains[outputs.HeadsAsInput ? model.Graph.Edge(ModelGraph.InputNode, model.Graph.ColumnOf(edge)) : edge];
        }
    }
}
