using Faith.Engine.Data;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>Cuts a data set into micro-batches that fit in memory. Results do not depend on the cut.</summary>
internal static class MicroBatches
{
    /// <summary>More rows than this gain no speed and leave the caches.</summary>
    private const int EnoughRows = 640;

    /// <summary>The memory for micro-batches: what the user allows, else a quarter of what is free and at most <see cref="Device.EnoughWorkspace"/>.</summary>
    public static long Budget(Device device, long? asked) => asked ?? Math.Min(device.FreeMemory / 4, device.EnoughWorkspace);

    /// <summary>Consecutive micro-batches of <paramref name="data"/>, each within <paramref name="budget"/> bytes by <paramref name="measure"/>.</summary>
    /// <exception cref="InputException">A single example does not fit.</exception>
    public static List<(Batch Batch, long Bytes)> Plan(IReadOnlyList<Example> data, long budget, bool sharePrefixes, Func<Batch, long> measure)
    {
        var batches = new List<(Batch, long)>();
        for (var start = 0; start < data.Count;)
        {
            var (count, rows) = (0, 0);
            while (start + count < data.Count && rows < EnoughRows)
            {
                var example = data[start + count++];
                rows += example.Clean.Length - (sharePrefixes ? example.FirstDifference : 0);
            }
            while (true)
            {
                var batch = new Batch([.. Enumerable.Range(start, count).Select(i => data[i])], sharePrefixes);
                var bytes = measure(batch);
                if (bytes <= budget)
                {
                    batches.Add((batch, bytes));
                    break;
                }
                if (count == 1)
                {
                    throw new InputException($"example {ExamplePart.NumberOf(data, start)} ({data[start].Clean.Length} tokens) needs {bytes >> 20} MiB, more than the {budget >> 20} MiB allowed: raise --memory or shorten it");
                }
                count = Math.Max(1, (int)Math.Min(count - 1, count * ((double)budget / bytes)));
            }
            start += count;
        }
        return batches;
    }
}
