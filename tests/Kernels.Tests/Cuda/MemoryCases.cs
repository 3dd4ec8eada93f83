using System.Runtime.InteropServices;

namespace Faith.Kernels.Tests.Cuda;

internal static class MemoryCases
{
    public static IEnumerable<OpCase> All =>
    [
        new("Allocate", "cleared", c =>
        {
            using var buffer = c.Device.Allocate(4000);
            var values = new float[1000];
            c.Device.Download(buffer, 0, MemoryMarshal.AsBytes(values.AsSpan()));
            return [Outcome.Exact("memory", values, new double[1000])];
        }),
        new("Upload", "more than is staged at once", c => RoundTrip(c, 2_500_001)),
        new("Download", "one value", c => RoundTrip(c, 1)),
        new("Synchronize", "after an operation", c =>
        {
            var y = c.Arena.New(1, 5);
            c.Device.Fill(y, 2);
            c.Device.Synchronize();
            return [Outcome.Exact("y", c.Arena.Get(y), [2, 2, 2, 2, 2])];
        }),
        new("CreateWeights", "more rows than are read at once", c =>
        {
            // 1,200 rows of 1,000 columns are more than one staging buffer.
            var source = new TestMatrix(c.Values(1_200_000), 1200, 1000, false, WeightPrecision.BFloat16);
            using var weights = c.Device.CreateWeights(source);
            var x = new float[1200];
            x[1199] = 1;
            var y = c.Arena.New(1, 8);
            c.Device.Multiply(weights, WeightSide.Forward, c.Arena.Put(x, 1, 1200), y, n0: 992);
            return [Outcome.Exact("last row", c.Arena.Get(y), [.. Enumerable.Range(992, 8).Select(j => (double)source[1199, j])]),
                Outcome.Exact("bytes", [weights.Bytes], [2.0 * 1200 * 1000])];
        }),
        new("Dispose", "twice", c =>
        {
            var weights = c.Device.CreateWeights(new ArrayMatrix([1, 2], 1, 2, false));
            weights.Dispose();
            weights.Dispose();
            return [];
        }),
    ];

    private static Outcome[] RoundTrip(OpContext c, int count)
    {
        var (x, dx) = c.Random(1, count);
        return [Outcome.Exact("values", c.Arena.Get(dx), Reference.Map(x, v => v))];
    }
}
