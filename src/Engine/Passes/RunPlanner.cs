using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>
/// Says what a run will need before it is made, also for devices that are not here: the code that lays out the run, on a
/// <see cref="PlanningDevice"/> that has no memory.
/// </summary>
public static class RunPlanner
{
    /// <summary>Plans a path method.</summary>
    /// <param name="device">The device as it would be before the model is loaded; the plan leaves it as it was.</param>
    /// <param name="weights">The model; only the sizes of its matrices are looked at.</param>
    /// <param name="data">The examples.</param>
    /// <param name="options">The method and its settings.</param>
    /// <exception cref="InputException">The parameters or a single example do not fit, or the method is of another kind.</exception>
    public static RunPlan Plan(PlanningDevice device, ModelWeights weights, IReadOnlyList<Example> data, AttributionOptions options)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(weights);
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        if (data.Count == 0) throw new InputException("the data set is empty");
        var method = AttributionMethods.Find(options.Method);
        var graph = new ModelGraph(weights.Config.Layers, weights.Config.Heads, weights.Config.ParallelBlocks);
        if (method.Path(options, graph) is not { } path) throw new InputException($"method {options.Method} cannot be planned; those of gradients on a path can ({string.Join(", ", AttributionMethods.All.Where(m => m.Path(options, graph) is not null).Select(m => m.Name))})");
        using var model = new Transformer(device, SizesOf(weights));
        // A softmax needs the unembedding in the form of a weight matrix.
        if (options.Metric != MetricKind.LogitDifference) _ = model.Unembedding;
        if (device.FreeMemory < 0) throw new InputException($"{device.Name}: the parameters take {model.Bytes >> 20:N0} MiB, more than there is");
        PathPoint[] points = [.. path];
        var budget = MicroBatches.Budget(device, options.MemoryBytes);
        var batches = MicroBatches.Plan(data, budget, sharePrefixes: options.Ablation == Ablation.Patching, batch => PathRun.Measure(model, batch, points, options, table: null));
        var largest = batches.MaxBy(b => b.Bytes);
        var (forwards, backwards) = PassesOf(points);
        var matrices = model.Layers.Sum(l => l.Projection.Bytes + l.Output.Bytes + l.Up.Bytes + l.Down.Bytes);
        // The host holds both packed sides of a matrix; a pass reads one of them.
        var side = device.HoldsBothSides ? matrices / 2 : matrices;
        return new(model.Bytes, largest.Bytes, budget, batches.Count, largest.Batch.Sequences, largest.Batch.Rows,
            FloorCount.PathRun(weights.Config, data, forwards, backwards), (double)batches.Count * side * (forwards + backwards));
    }

    /// <summary>Forward passes (distinct points, the ends of the path included) and backward passes (points with a gradient) of a path method.</summary>
    public static (int Forwards, int Backwards) PassesOf(IReadOnlyList<PathPoint> path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return (path.Select(p => (p.Alpha, p.Stage)).Append((0, 0)).Append((1, 0)).Distinct().Count(), path.Count);
    }

    /// <summary>The model without its numbers, so that a plan does not read the files.</summary>
    private static ModelWeights SizesOf(ModelWeights weights)
    {
        var embedding = new Sized(weights.Embedding);
        return new()
        {
            Config = weights.Config,
            Embedding = embedding,
            Positions = weights.Positions is { } positions ? new Sized(positions) : null,
            Layers = [.. weights.Layers.Select(l => new LayerWeights
            {
                AttentionNormScale = l.AttentionNormScale,
                AttentionNormShift = l.AttentionNormShift,
                QueryKeyValue = new Sized(l.QueryKeyValue),
                QueryKeyValueBias = l.QueryKeyValueBias,
                Output = new Sized(l.Output),
                OutputBias = l.OutputBias,
                MlpNormScale = l.MlpNormScale,
                MlpNormShift = l.MlpNormShift,
                Up = new Sized(l.Up),
                UpBias = l.UpBias,
                Down = new Sized(l.Down),
                DownBias = l.DownBias,
            })],
            FinalNormScale = weights.FinalNormScale,
            FinalNormShift = weights.FinalNormShift,
            Unembedding = ReferenceEquals(weights.Unembedding, weights.Embedding) ? embedding : new Sized(weights.Unembedding),
        };
    }

    private sealed class Sized(MatrixSource source) : MatrixSource
    {
        public override int Inputs => source.Inputs;
        public override int Outputs => source.Outputs;
        public override bool StoredTransposed => source.StoredTransposed;
        public override WeightPrecision Precision => source.Precision;
        public override void ReadStoredRows(int start, int count, Span<float> destination) { }
    }
}
