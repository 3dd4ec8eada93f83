using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Planning;

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
        if (options.Ablation != Ablation.Patching) throw new InputException("plans are made for patching; the other ablations take whole prompts and a table besides");
        using var model = new Transformer(device, SizesOf(weights));
        model.Admit(data);
        if (AttributionMethods.Find(options.Method) is not PathMethod method) throw new InputException($"method {options.Method} cannot be planned; those that take gradients on a path can ({string.Join(", ", Methods)})");
        var path = method.Path(options, model.Graph);
        if (device.FreeMemory < 0) throw new InputException($"{device.Name}: the parameters take {model.Bytes >> 20:N0} MiB, more than there is");
        var budget = MicroBatches.Budget(model, options.MemoryBytes);
        var (batches, largest, bytesOfLargest) = (0, (Batch?)null, 0L);
        // Nothing is computed here, but every operation says what memory it takes, and what does not fit is halved as in a run.
        device.RefusesMore = true;
        long workspace, scratch;
        using var phases = new PhaseClock(device);
        var readBefore = device.WeightBytesRead;
        try
        {
            workspace = MicroBatches.Run(model, data, budget, sharePrefixes: true, batch => PathRun.Measure(model, batch, path, method, options, null), part =>
            {
                var run = new PathRun(model, part.Arena, measuring: false, part.Batch, path, method, options, null);
                run.Execute(phases, CancellationToken.None);
                batches++;
                if (part.Arena.Peak > bytesOfLargest) (largest, bytesOfLargest) = (part.Batch, part.Arena.Peak);
            });
        }
        finally
        {
            device.RefusesMore = false;
            scratch = device.ReleaseScratch();
        }
        return new RunPlan(model.Bytes, workspace, scratch, budget, batches, largest!.Sequences, largest.Rows, FloorCount.Of(weights.Config, data, options), device.WeightBytesRead - readBefore);
    }

    /// <summary>
    /// Whole forward passes (distinct points, the ends of the path included) and backward passes (points with a gradient) of a path
    /// method; null for one whose points lie on other paths than the input's or drop layers, which takes parts of passes.
    /// </summary>
    public static (int Forwards, int Backwards)? PassesOf(IReadOnlyList<PathPoint> path)
    {
        ArgumentNullException.ThrowIfNull(path);
        return path.Any(p => p.Stage > 0 || p.Dropped is not null) ? null : (path.Select(p => p.Alpha).Append(0).Append(1).Distinct().Count(), path.Count);
    }

    /// <summary>The methods that can be planned.</summary>
    public static IReadOnlyList<string> Methods { get; } = [.. AttributionMethods.All.Where(m => m is PathMethod).Select(m => m.Name)];

    /// <summary>The model without its numbers, so that a plan does not read the files.</summary>
    private static ModelWeights SizesOf(ModelWeights weights)
    {
        var embedding = new Sized(weights.Embedding);
        return new()
        {
            Config = weights.Config,
            Embedding = embedding,
            Positions = weights.Positions is { } positions ? new Sized(positions) : null,
            Layers = [.. weights.Layers.Select(l => l with
            {
                QueryKeyValue = new Sized(l.QueryKeyValue),
                Output = new Sized(l.Output),
                Up = new Sized(l.Up),
                Down = new Sized(l.Down),
            })],
            FinalNormScale = weights.FinalNormScale,
            FinalNormShift = weights.FinalNormShift,
            Unembedding = ReferenceEquals(weights.Unembedding, weights.Embedding) ? embedding : new Sized(weights.Unembedding),
            UnembeddingBias = weights.UnembeddingBias,
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
