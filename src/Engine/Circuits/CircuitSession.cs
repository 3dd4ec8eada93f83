using Faith.Engine.Ablations;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Circuits;

/// <summary>
/// Evaluates circuits one after another where each depends on the one before: the runs of all micro-batches stay in memory, so
/// that the clean and the corrupted run are made once.
/// </summary>
internal sealed class CircuitSession : IDisposable
{
    private readonly List<(CircuitRun Run, DeviceBuffer Memory, int First, int Count)> runs = [];
    private readonly AblationTable? table;
    private readonly double[] values;

    /// <exception cref="InputException">The examples do not fit in memory all at once, or the metric of one is not finite.</exception>
    public CircuitSession(Transformer model, IReadOnlyList<Example> data, EvaluationOptions options)
    {
        data = Counterfactuals.Apply(data, options.Ablation, options.AblationData);
        values = new double[data.Count];
        (Clean, Corrupted) = (new double[data.Count], new double[data.Count]);
        try
        {
            table = AblationTable.Create(model, options.Ablation, options.AblationData ?? data, options.MemoryBytes);
            var budget = MicroBatches.Budget(model, options.MemoryBytes);
            var batches = MicroBatches.Plan(model, data, budget, sharePrefixes: table is null, batch => CircuitRun.Measure(model, batch, options.Metric, table, circuitsTogether: 1));
            Bytes = batches.Sum(b => b.Bytes);
            MicroBatches.RequireTogether(data.Count, Bytes, budget);
            var done = 0;
            foreach (var (batch, bytes) in batches)
            {
                var memory = model.Device.Allocate(bytes);
                var run = new CircuitRun(model, new Arena(memory), measuring: false, batch, options.Metric, table, circuitsTogether: 1);
                runs.Add((run, memory, done, batch.Sequences));
                run.RunEnds(Clean.AsSpan(done, batch.Sequences), Corrupted.AsSpan(done, batch.Sequences));
                done += batch.Sequences;
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

    /// <summary>The metric of the clean run, by example.</summary>
    public double[] Clean { get; }
    /// <summary>The metric of the corrupted (or fully ablated) run, by example.</summary>
    public double[] Corrupted { get; }
    /// <summary>Device memory held.</summary>
    public long Bytes { get; }

    /// <summary>The metric of every example with everything outside <paramref name="circuit"/> ablated; valid until the next call.</summary>
    public ReadOnlySpan<double> Evaluate(Circuit circuit)
    {
        foreach (var (run, _, first, count) in runs) run.Evaluate([circuit], (_, metrics) => metrics.CopyTo(values.AsSpan(first, count)));
        return values;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var (_, memory, _, _) in runs) memory.Dispose();
        runs.Clear();
        table?.Dispose();
    }
}
