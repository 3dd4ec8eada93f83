using Faith.Engine.Ablations;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Masks;

/// <summary>
/// The runs that masks are trained on: the examples in random order, cut into the groups of which a step takes one. All of them are held in memory, with the
/// ends of their paths; the masked runs work one after another in the same memory. Results depend on the seed and not on memory.
/// </summary>
internal sealed class MaskSession : IDisposable
{
    private readonly List<List<(MaskedRun Run, int Count)>> groups = [];
    private readonly List<DeviceBuffer> memory = [];
    private readonly AblationTable? table;

    /// <param name="model">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="options">What is measured, and under which ablation.</param>
    /// <param name="examplesOfStep">Most examples of a group.</param>
    /// <param name="seed">Says the order of the examples.</param>
    /// <exception cref="InputException">The examples do not fit in memory all at once, or the metric of one is not finite.</exception>
    public MaskSession(Transformer model, IReadOnlyList<Example> data, EvaluationOptions options, int examplesOfStep, ulong seed)
    {
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        (Clean, Corrupted) = (new double[data.Count], new double[data.Count]);
        int[] order = [.. Enumerable.Range(0, data.Count)];
        var random = new Random64(seed);
        random.Shuffle<int>(order);
        try
        {
            table = AblationTable.Create(model, options.Ablation, options.AblationData ?? data, options.MemoryBytes);
            var budget = MicroBatches.Budget(model, options.MemoryBytes);
            (long Kept, long Work) Measure(Batch batch) => MaskedRun.Measure(model, batch, options.Metric, table);
            long Both(Batch batch)
            {
                var (kept, work) = Measure(batch);
                return kept + work;
            }
            var plans = order.Chunk(examplesOfStep).Select(group => (Examples: group, Batches: MicroBatches.Plan(model, [.. group.Select(i => data[i])], budget, sharePrefixes: table is null, Both)
                .Select(b => (b.Batch, Bytes: Measure(b.Batch))).ToList())).ToList();
            var work = plans.Max(p => p.Batches.Max(b => b.Bytes.Work));
            Bytes = work + plans.Sum(p => p.Batches.Sum(b => b.Bytes.Kept));
            MicroBatches.RequireTogether(data.Count, Bytes, budget);
            memory.Add(model.Device.Allocate(work));
            foreach (var (examples, batches) in plans)
            {
                var (runs, done) = (new List<(MaskedRun, int)>(), 0);
                foreach (var (batch, bytes) in batches)
                {
                    memory.Add(model.Device.Allocate(bytes.Kept));
                    var run = new MaskedRun(model, new Arena(memory[^1]), new Arena(memory[0]), measuring: false, batch, options.Metric, table);
                    var (clean, corrupted) = (new double[batch.Sequences], new double[batch.Sequences]);
                    run.RunEnds(clean, corrupted);
                    for (var e = 0; e < batch.Sequences; e++, done++) (Clean[examples[done]], Corrupted[examples[done]]) = (clean[e], corrupted[e]);
                    runs.Add((run, batch.Sequences));
                }
                groups.Add(runs);
            }
            FiniteMetric.Check(data, 0, Clean);
            FiniteMetric.Check(data, 0, Corrupted);
        }
        catch (DeviceMemoryException e)
        {
            Dispose();
            throw MicroBatches.NotTogether(data.Count, Bytes, e);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Groups of examples.</summary>
    public int Groups => groups.Count;
    /// <summary>The metric of the clean run, by example.</summary>
    public double[] Clean { get; }
    /// <summary>The metric of the corrupted (or fully ablated) run, by example.</summary>
    public double[] Corrupted { get; }
    /// <summary>Device memory held.</summary>
    public long Bytes { get; }

    /// <summary>The mean metric of a group under masks [F·N], and in <paramref name="gradient"/> (=) the mean gradient of the loss by every mask.</summary>
    public double Run(int group, float[] masks, double[] gradient)
    {
        Array.Clear(gradient);
        var (sum, count) = (0.0, 0);
        foreach (var (run, sequences) in groups[group])
        {
            var metrics = new double[sequences];
            run.Run(masks, metrics, gradient);
            foreach (var metric in metrics) sum += metric;
            count += sequences;
        }
        for (var i = 0; i < gradient.Length; i++) gradient[i] /= count;
        return sum / count;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var buffer in memory) buffer.Dispose();
        memory.Clear();
        groups.Clear();
        table?.Dispose();
    }
}
