using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Ablations;

/// <summary>Means of all nodes' outputs over clean prompts. Rows are added in the order of the data, in double, so that the means do not depend on micro-batches.</summary>
internal sealed class MeanOutputs : PassHook
{
    private readonly Device device;
    private readonly int positions;
    private readonly double[] counts;
    private readonly double[][] sums;
    private int[] rowPositions = [];

    private MeanOutputs(Transformer model, int positions)
    {
        device = model.Device;
        this.positions = positions;
        counts = new double[positions + 1];
        sums = new double[model.Graph.Stages][];
        sums[0] = new double[(positions + 1) * model.Config.Width];
        for (var l = 0; l < model.Config.Layers; l++)
        {
            sums[ModelGraph.HeadsStage(l)] = new double[(positions + 1) * model.Config.QueryWidth];
            sums[ModelGraph.MlpStage(l)] = new double[(positions + 1) * model.Config.Width];
        }
    }

    /// <summary>
    /// Tables of <paramref name="positions"/> + 1 rows for every stage (heads before W_O): the mean at each
    /// position, and last the mean over all rows of all prompts.
    /// </summary>
    public static float[][] Compute(Transformer model, IReadOnlyList<Example> data, int positions, long? memoryBytes)
    {
        var means = new MeanOutputs(model, positions);
        MicroBatches.Run(model, data, MicroBatches.Budget(model, memoryBytes), sharePrefixes: false, batch => WholePromptRun.Measure(model, batch), part =>
        {
            var run = new WholePromptRun(model, part.Arena, measuring: false, part.Batch, part.Batch.CleanTokens, everyRow: true);
            part.Record();
            means.rowPositions = part.Batch.Positions;
            foreach (var position in part.Batch.Positions)
            {
                means.counts[positions]++;
                if (position < positions) means.counts[position]++;
            }
            run.Execute(means);
        });
        return [.. means.sums.Select(means.Divide)];
    }

    public override void Input(Tensor embeddings) => Add(0, embeddings);

    public override void Context(int l, Tensor contexts) => Add(ModelGraph.HeadsStage(l), contexts);

    public override void Mlp(int l, Tensor outputs) => Add(ModelGraph.MlpStage(l), outputs);

    private void Add(int table, Tensor values)
    {
        var rows = new float[values.Count];
        device.Download(values, rows);
        var width = values.Columns;
        for (var r = 0; r < values.Rows; r++)
        {
            var row = rows.AsSpan(r * width, width);
            Add(row, sums[table].AsSpan(positions * width, width));
            if (rowPositions[r] < positions) Add(row, sums[table].AsSpan(rowPositions[r] * width, width));
        }
    }

    private static void Add(ReadOnlySpan<float> row, Span<double> sum)
    {
        for (var i = 0; i < row.Length; i++) sum[i] += row[i];
    }

    private float[] Divide(double[] sum)
    {
        var width = sum.Length / counts.Length;
        return [.. sum.Select((value, i) => (float)(value / counts[i / width]))];
    }
}
