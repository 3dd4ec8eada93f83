using Faith.Engine.Data;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>Cuts a data set into micro-batches that fit in memory. Results do not depend on the cut.</summary>
internal static class MicroBatches
{
    /// <summary>
    /// The memory for micro-batches: what the user allows, else the device's share of what is free, at most what it gains from. The
    /// workspace of earlier runs counts as free.
    /// </summary>
    public static long Budget(Transformer model, long? asked)
    {
        var device = model.Device;
        return asked ?? Math.Min((long)((device.FreeMemory + model.WorkspaceBytes) * device.Limits.WorkspaceShare), device.Limits.Workspace);
    }

    /// <summary>For runs that hold all their micro-batches at once, so that smaller ones would need no less.</summary>
    /// <exception cref="InputException">They need more than the budget.</exception>
    public static void RequireTogether(int examples, long bytes, long budget)
    {
        if (bytes > budget) throw new InputException($"{examples} examples need {Mebibytes.Of(bytes)} at once, more than the {Mebibytes.Of(budget)} allowed: raise --memory or take fewer examples");
    }

    /// <summary>What to throw where the device has less than such runs were allowed.</summary>
    public static InputException NotTogether(int examples, long bytes, DeviceMemoryException cause) =>
        new($"{examples} examples need {Mebibytes.Of(bytes)} at once: {cause.Message}; take fewer examples or a device with more memory", cause);

    /// <summary>
    /// Consecutive micro-batches of <paramref name="data"/> for <paramref name="model"/>, each of hardly more than
    /// <see cref="DeviceLimits.RowsOfBatch"/> rows and within <paramref name="budget"/> bytes by <paramref name="measure"/>.
    /// </summary>
    /// <exception cref="InputException">A single example does not fit, or the model cannot run it.</exception>
    public static List<(Batch Batch, long Bytes)> Plan(Transformer model, IReadOnlyList<Example> data, long budget, bool sharePrefixes, Func<Batch, long> measure)
    {
        model.Admit(data);
        return Plan(model, data, 0, budget, long.MaxValue, sharePrefixes, measure);
    }

    /// <summary>
    /// Runs over <paramref name="data"/> in micro-batches, one after another in the model's workspace. Where the device turns out to
    /// have less memory than they take, the largest of them is halved and the run goes on from the micro-batch that failed.
    /// </summary>
    /// <param name="model">The model, which remembers for its next runs that memory was short, and says so the first time.</param>
    /// <param name="data">The examples.</param>
    /// <param name="budget">Most bytes of a micro-batch.</param>
    /// <param name="sharePrefixes">See <see cref="Batch"/>.</param>
    /// <param name="measure">The least bytes that a batch needs.</param>
    /// <param name="run">Runs a micro-batch, and calls <see cref="MicroBatch.Record"/> before it adds anything to the results.</param>
    /// <param name="most">The bytes with which a batch is best run, within a budget; null: the least.</param>
    /// <returns>Bytes of the largest workspace.</returns>
    /// <exception cref="InputException">A single example does not fit, or the model cannot run it.</exception>
    public static long Run(Transformer model, IReadOnlyList<Example> data, long budget, bool sharePrefixes, Func<Batch, long> measure, Action<MicroBatch> run,
        Func<Batch, long, long>? most = null)
    {
        model.Admit(data);
        var (done, largest) = (0, 0L);
        var plan = Sized(model.WorkspaceLimit);
        while (done < data.Count)
        {
            var bytes = plan.Max(b => b.Bytes);
            MicroBatch? current = null;
            try
            {
                var memory = model.Workspace(bytes);
                largest = Math.Max(largest, bytes);
                foreach (var (batch, _) in plan)
                {
                    run(current = new MicroBatch(batch, new Arena(memory), done));
                    done += batch.Sequences;
                    model.NoticeThatRunsGoOn();
                }
            }
            catch (DeviceMemoryException e) when (current is not { IsRecorded: true })
            {
                plan = Sized(bytes / 2);
                if (plan.Max(b => b.Bytes) >= bytes)
                {
                    var example = done + plan.TakeWhile(b => b.Bytes < bytes).Sum(b => b.Batch.Sequences);
                    throw new InputException($"example {ExamplePart.NumberOf(data, example)} ({data[example].Clean.Length} tokens) needs {Mebibytes.Of(bytes)} by itself: {e.Message}; shorten it or take a device with more memory", e);
                }
                model.LimitWorkspace(bytes / 2);
            }
        }
        return largest;

        List<(Batch Batch, long Bytes)> Sized(long limit)
        {
            var batches = Plan(model, data, done, budget, limit, sharePrefixes, measure);
            return most is null ? batches : [.. batches.Select(b => (b.Batch, Math.Max(b.Bytes, most(b.Batch, Math.Min(budget, limit)))))];
        }
    }

    /// <summary>Micro-batches from an example on, each within <paramref name="budget"/> and, unless it is a single example, within <paramref name="limit"/>.</summary>
    private static List<(Batch Batch, long Bytes)> Plan(Transformer model, IReadOnlyList<Example> data, int start, long budget, long limit, bool sharePrefixes, Func<Batch, long> measure)
    {
        var batches = new List<(Batch, long)>();
        while (start < data.Count)
        {
            var (count, rows) = (0, 0);
            while (start + count < data.Count && rows < model.Device.Limits.RowsOfBatch)
            {
                var example = data[start + count++];
                rows += example.Clean.Length - (sharePrefixes ? example.FirstDifference : 0);
            }
            while (true)
            {
                var batch = new Batch(model.Config, [.. Enumerable.Range(start, count).Select(i => data[i])], sharePrefixes);
                var bytes = measure(batch);
                var allowed = count == 1 ? budget : Math.Min(budget, limit);
                if (bytes <= allowed)
                {
                    batches.Add((batch, bytes));
                    break;
                }
                if (count == 1)
                {
                    throw new InputException($"example {ExamplePart.NumberOf(data, start)} ({data[start].Clean.Length} tokens) needs {Mebibytes.Of(bytes)}, more than the {Mebibytes.Of(budget)} allowed: raise --memory or shorten it");
                }
                count = Math.Max(1, (int)Math.Min(count - 1, count * ((double)allowed / bytes)));
            }
            start += count;
        }
        return batches;
    }
}

/// <summary>A micro-batch of <see cref="MicroBatches.Run"/>.</summary>
/// <param name="batch">The examples.</param>
/// <param name="arena">Memory for the run, empty.</param>
/// <param name="first">Number of the first example in the data.</param>
internal sealed class MicroBatch(Batch batch, Arena arena, int first)
{
    /// <summary>The examples.</summary>
    public Batch Batch => batch;
    /// <summary>Memory for the run.</summary>
    public Arena Arena => arena;
    /// <summary>Number of the first example in the data.</summary>
    public int First => first;
    /// <summary>How many examples there are.</summary>
    public int Count => batch.Sequences;
    /// <summary>True once results are being recorded, so that the micro-batch cannot be run again.</summary>
    public bool IsRecorded { get; private set; }

    /// <summary>The part of a result for all examples that belongs to these.</summary>
    public Span<T> Of<T>(T[] results) => results.AsSpan(first, Count);

    /// <summary>Says that all work is done that takes memory: from here on results are recorded.</summary>
    public void Record() => IsRecorded = true;
}
