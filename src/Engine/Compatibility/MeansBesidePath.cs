using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Compatibility;

/// <summary>
/// What scores gain when the differences go to other outputs (the library's means) than those at which the path starts: with p_u on the
/// path and c_u here, Σ_pos (p_u + c_u − z_u)·G_v is the path's own score, and Σ_pos c_u·G_v beside it: one more contraction with the
/// same gradients.
/// </summary>
internal sealed class MeansBesidePath : PathExtension
{
    private readonly Transformer model;
    private readonly AblationTable outputs;
    private readonly AblatedRows rows;
    private readonly DifferenceCapture difference;
    private readonly Tensor input;
    private readonly Tensor scores;
    private readonly Indices lastRows;
    private readonly SourceDifferences sources;
    private readonly ScoreContraction contraction;
    private readonly EdgeId[] edges;

    /// <param name="outputs">c.</param>
    public MeansBesidePath(PathRun run, Transformer model, Arena arena, bool measuring, Batch batch, PassLayout layout, AblationTable outputs)
    {
        (this.model, this.outputs, lastRows) = (model, outputs, layout.LastRows);
        rows = new AblatedRows(model, arena, measuring, outputs, batch);
        difference = new DifferenceCapture(model, arena, layout.Rows, rows);
        input = arena.Matrix(batch.Rows, model.Config.Width);
        scores = arena.Matrix(batch.Sequences, model.Graph.Pairs);
        contraction = run.Contraction(input, difference, scores);
        edges = [.. model.Graph.AllEdges];
        sources = new SourceDifferences(model, input, difference.Context, difference.Mlp, outputs.HeadsAsInput ? input : default);
    }

    public override void Start()
    {
        rows.Input(input);
        difference.Start();
        difference.Finish(lastRows);
        model.Device.Fill(scores, 0);
    }

    public override bool Contracted(int steps, PathPoint last)
    {
        contraction.Steps = steps;
        model.Device.ContractScores(contraction);
        return false;
    }

    public override void AddDifference(NodeId source, Tensor x) => sources.Add(source, x);

    public override void Read(int example, Span<float> scores)
    {
        var gains = new float[this.scores.Columns];
        model.Device.Download(this.scores.RowRange(example, 1), gains);
        foreach (var edge in edges)
        {
            // An output that is the input's gains with every v what the input gains: heads have no such row before W_O.
            scores[edge] += gains[outputs.HeadsAsInput ? model.Graph.Edge(ModelGraph.InputNode, model.Graph.ColumnOf(edge)) : edge];
        }
    }
}
