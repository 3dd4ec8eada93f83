using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Compatibility;

/// <summary>
/// The one row that the EAP-IG library puts in the place of every node's output under its mean ablation (method.md §7): the outputs at
/// the last position of each prompt, divided by the length of that prompt, averaged over all nodes and all prompts.
/// </summary>
internal sealed class LastTokenMean : PassHook
{
    private readonly Transformer model;
    // Σ z[last] / length of the input, then each layer's heads (before W_O, which is linear) and MLP; apart, so that no sum depends on micro-batches.
    private readonly double[][] sums;
    private int[] offsets = [];

    private LastTokenMean(Transformer model)
    {
        this.model = model;
        sums = [.. Enumerable.Range(0, model.Graph.Stages).Select(i => new double[i % 2 == 0 ? model.Config.Width : model.Config.QueryWidth])];
    }

    /// <summary>The row [d], over the clean prompts of <paramref name="data"/>, in the order of the data.</summary>
    public static float[] Compute(Transformer model, IReadOnlyList<Example> data, long? memoryBytes)
    {
        var mean = new LastTokenMean(model);
        var batches = MicroBatches.Plan(model, data, MicroBatches.Budget(model, memoryBytes), sharePrefixes: false, batch => WholePromptRun.Measure(model, batch));
        using var memory = model.Device.Allocate(batches.Max(b => b.Bytes));
        foreach (var (batch, _) in batches)
        {
            var run = new WholePromptRun(model, new Arena(memory), measuring: false, batch, batch.CleanTokens, everyRow: true);
            mean.offsets = run.Offsets;
            run.Execute(mean);
        }
        return mean.Row(data.Count);
    }

    public override void Input(Tensor embeddings) => Add(embeddings, sums[0]);

    public override void Context(int l, Tensor contexts) => Add(contexts, sums[ModelGraph.HeadsStage(l)]);

    public override void Mlp(int l, Tensor outputs) => Add(outputs, sums[ModelGraph.MlpStage(l)]);

    private void Add(Tensor values, double[] sum)
    {
        var row = new float[values.Columns];
        for (var e = 0; e + 1 < offsets.Length; e++)
        {
            model.Device.Download(values.RowRange(offsets[e + 1] - 1, 1), row);
            for (var c = 0; c < row.Length; c++) sum[c] += (double)row[c] / (offsets[e + 1] - offsets[e]);
        }
    }

    /// <summary>The sum over all nodes, divided by nodes and prompts.</summary>
    private float[] Row(int prompts)
    {
        var total = new double[model.Config.Width];
        for (var i = 0; i < sums.Length; i++)
        {
            var z = i % 2 == 0 ? sums[i] : ThroughOutput(ModelGraph.LayerOfStage(i), sums[i]);
            for (var c = 0; c < total.Length; c++) total[c] += z[c];
        }
        return [.. total.Select(sum => (float)(sum / model.Graph.Sources / prompts))];
    }

    /// <summary>x·W_O of a layer: what all of its heads put out together.</summary>
    private double[] ThroughOutput(int l, double[] mixed)
    {
        var device = model.Device;
        using var memory = device.Allocate(Layout(Arena.Measuring()).Bytes);
        var (x, y, _) = Layout(new Arena(memory));
        var row = new float[y.Columns];
        device.Upload([.. mixed.Select(v => (float)v)], x);
        model.AttentionBlock(l).HeadOutputs(x, y);
        device.Download(y, row);
        return [.. row.Select(v => (double)v)];

        (Tensor X, Tensor Y, long Bytes) Layout(Arena arena) => (arena.Matrix(1, mixed.Length), arena.Matrix(1, model.Config.Width), arena.Peak);
    }
}
