using System.Diagnostics;

namespace Faith.Kernels;

/// <summary>What a device reaches, measured through its own operations: the ceilings that single operations are held against.</summary>
public static class DeviceProbe
{
    private const double LeastSeconds = 0.005, EnoughSeconds = 0.3;
    private const int Series = 5, MostCalls = 1 << 14;

    /// <summary>
    /// Seconds of one call of <paramref name="issue"/>: after a warm-up, the best of a few series that are each long enough for the
    /// clock, between two waits for the device.
    /// </summary>
    public static double SecondsOf(Device device, Action issue)
    {
        ArgumentNullException.ThrowIfNull(device);
        ArgumentNullException.ThrowIfNull(issue);
        issue();
        device.Synchronize();
        var (calls, best, total, done) = (1, double.MaxValue, 0.0, 0);
        while (done < Series && (done == 0 || total < EnoughSeconds))
        {
            var start = Stopwatch.GetTimestamp();
            for (var i = 0; i < calls; i++) issue();
            device.Synchronize();
            var seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
            total += seconds;
            if (seconds < LeastSeconds && calls < MostCalls)
            {
                calls *= 2;
                continue;
            }
            best = Math.Min(best, seconds / calls);
            done++;
        }
        return best;
    }

    /// <summary>
    /// Bytes read and written a second, in 10⁹, when a large matrix is copied within the device's memory. The size grows until a copy
    /// takes a few milliseconds, far beyond what a cache holds.
    /// </summary>
    public static double CopyGigabytes(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        const int Columns = 4096, LargestRows = 1 << 14;
        for (var rows = 4; ; rows *= 4)
        {
            var bytes = (long)rows * Columns * sizeof(float);
            using var from = device.Allocate(bytes);
            using var to = device.Allocate(bytes);
            Tensor x = new(from, rows, Columns), y = new(to, rows, Columns);
            var seconds = SecondsOf(device, () => device.Copy(x, y));
            if (seconds > LeastSeconds || rows == LargestRows || 16 * bytes > device.FreeMemory) return 2 * bytes / seconds / 1e9;
        }
    }

    /// <summary>
    /// Floating-point operations a second, in 10⁹, of a product of two square float32 matrices with the device's own kernels. The size
    /// grows until a product takes a few milliseconds.
    /// </summary>
    public static double ProductGflops(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        const int Largest = 8192;
        for (var n = 32; ; n *= 2)
        {
            var bytes = (long)n * n * sizeof(float);
            using var weights = device.CreateWeights(new Pattern(n));
            using var from = device.Allocate(bytes);
            using var to = device.Allocate(bytes);
            Tensor x = new(from, n, n), y = new(to, n, n);
            device.Fill(x, 0.7f);
            var seconds = SecondsOf(device, () => device.Multiply(weights, WeightSide.Forward, x, y));
            if (seconds > LeastSeconds || n == Largest || 16 * bytes > device.FreeMemory) return 2.0 * n * n * n / seconds / 1e9;
        }
    }

    /// <summary>Numbers that are all different from zero: a GPU that switches few bits clocks higher than it does in a run.</summary>
    private sealed class Pattern(int n) : MatrixSource
    {
        public override int Inputs => n;
        public override int Outputs => n;
        public override bool StoredTransposed => false;
        public override WeightPrecision Precision => WeightPrecision.Float32;

        public override void ReadStoredRows(int start, int count, Span<float> destination)
        {
            for (var i = 0; i < count * n; i++) destination[i] = (i * 31 + start) % 127 * 0.013f - 0.81f;
        }
    }
}
