using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Attribution;

/// <summary>The weighed gradients at what every stage puts out (<see cref="ModelGraph"/>), over all points of a path: the scores of neurons take them.</summary>
internal class OutputGradients(Transformer model, Arena arena, Rows rows) : GradientHook
{
    private readonly Tensor[] sums = [.. Enumerable.Range(0, model.Graph.Stages).Select(stage => rows.Matrix(arena, ModelGraph.LayerOfStage(stage), model.Config.Width))];
    private float[] weights = [];

    public override bool WantsInput => true;

    /// <summary>The sum at a stage [query rows × d].</summary>
    public Tensor this[int stage] => sums[stage];

    /// <summary>Empties everything.</summary>
    public void Clear()
    {
        foreach (var sum in sums) model.Device.Fill(sum, 0);
    }

    /// <summary>The weights of the points of the next pass.</summary>
    public void Expect(float[] weights) => this.weights = weights;

    public override void Output(int stage, Tensor gradient)
    {
        for (var p = 0; p < weights.Length; p++) model.Device.AddScaled(rows.Point(gradient, ModelGraph.LayerOfStage(stage), p), weights[p], sums[stage]);
    }
}
