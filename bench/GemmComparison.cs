using Faith.Kernels;
using Faith.Kernels.Host;

namespace Faith.Bench;

/// <summary>Matrix products on the shapes of GPT-2 small against OpenBLAS, in turn in one process, with weights that are not in the caches.</summary>
internal static unsafe class GemmComparison
{
    static readonly (int Inputs, int Outputs, WeightSide Side)[] Shapes =
    [
        (768, 2304, WeightSide.Forward), (768, 768, WeightSide.Forward), (768, 3072, WeightSide.Forward), (3072, 768, WeightSide.Forward),
        (768, 2304, WeightSide.Transposed), (768, 3072, WeightSide.Transposed),
    ];

    static readonly int[] AllRows = [16, 64, 160, 320, 1024];

    /// <summary>Prints, for every number of rows, GFLOP/s, the share of the peak and the ratio to OpenBLAS.</summary>
    public static void Run(int threads, int rounds, int[]? rows)
    {
        var oneThread = threads == 1;
        using var device = new HostDevice(threads);
        var peak = PeakProbe.MeasureGflops(threads);
        Console.WriteLine($"{device.Name}; FMA peak {peak:F0} GFLOP/s, copy {DeviceProbe.CopyGigabytes(device):F1} GB/s; medians of {rounds}{(oneThread ? ", processor time" : "")}");
        if (OpenBlas.IsFound)
        {
            OpenBlas.SetThreads(threads);
            Console.WriteLine(OpenBlas.Description);
        }
        // Measured again before every line: on a busy machine one measurement alone falls short.
        var least = peak;
        Console.WriteLine("x[rows, k]·W            | rows |  f32: GFLOP/s  of peak  vs BLAS | bf16: GFLOP/s  of peak  vs BLAS");
        var ratios = (rows ?? AllRows).ToDictionary(r => r, _ => new List<double>());
        foreach (var (inputs, outputs, side) in Shapes)
        {
            // Enough copies that the one used next has left the caches.
            var copies = (int)Math.Max(2, (110L << 20) / (4L * inputs * outputs));
            var values = new float[inputs * outputs];
            var random = new Random(1);
            for (var i = 0; i < values.Length; i++) values[i] = (float)random.NextDouble() - 0.5f;
            var source = new ArrayMatrix(values, inputs, outputs, false);
            var single = Enumerable.Range(0, copies).Select(_ => device.CreateWeights(source)).ToArray();
            var half = Enumerable.Range(0, copies).Select(_ => device.CreateWeights(new ArrayMatrix(values, inputs, outputs, false, WeightPrecision.BFloat16))).ToArray();
            var plain = Enumerable.Range(0, OpenBlas.IsFound ? copies : 0).Select(_ => device.Allocate(4L * values.Length)).ToArray();
            foreach (var copy in plain) device.Upload(values, new Tensor(copy, inputs, outputs));
            int k = side == WeightSide.Forward ? inputs : outputs, n = side == WeightSide.Forward ? outputs : inputs;
            foreach (var m in rows ?? AllRows)
            {
                using var xMemory = device.Allocate(4L * m * k);
                using var yMemory = device.Allocate(4L * m * n);
                Tensor x = new(xMemory, m, k), y = new(yMemory, m, n);
                device.Fill(x, 0.5f);
                var next = 0;
                var calls = (int)Math.Clamp(1.5e9 * threads / (2.0 * m * k * n), 2, 64);
                double Time(Action<int> call)
                {
                    var start = 0.0;
                    for (var i = -1; i < calls; i++)
                    {
                        if (i == 0) start = Clock.Now(oneThread);
                        call(next++ % copies);
                    }
                    return 2.0 * m * k * n * calls / (Clock.Now(oneThread) - start) / 1e9;
                }
                List<double> f32 = [], bf16 = [], blas = [];
                var again = PeakProbe.MeasureGflops(threads);
                (peak, least) = (Math.Max(peak, again), Math.Min(least, again));
                for (var round = 0; round < rounds; round++)
                {
                    f32.Add(Time(i => device.Multiply(single[i], side, x, y)));
                    bf16.Add(Time(i => device.Multiply(half[i], side, x, y)));
                    if (!OpenBlas.IsFound) continue;
                    Thread.Sleep(2); // our workers stop spinning
                    blas.Add(Time(i => OpenBlas.Multiply((float*)xMemory.Address, (float*)plain[i].Address, side == WeightSide.Transposed, (float*)yMemory.Address, m, k, n)));
                    Thread.Sleep(threads == 1 ? 0 : 20); // and so do those of OpenBLAS
                }
                string Column(List<double> ours)
                {
                    peak = Math.Max(peak, Clock.Median(ours));
                    var ratio = blas.Count == 0 ? double.NaN : Clock.Median(ours.Zip(blas, (a, b) => a / b));
                    if (ours == f32) ratios[m].Add(ratio);
                    return $"{Clock.Median(ours),14:F0} {Clock.Median(ours) / peak,8:P0} {ratio,8:F2}";
                }
                Console.WriteLine($"{k,5} × {n,-5}{side,-11} | {m,4} | {Column(f32)} | {Column(bf16)}");
            }
            foreach (var weights in single.Concat(half)) weights.Dispose();
            foreach (var copy in plain) copy.Dispose();
        }
        Console.WriteLine($"FMA peak {peak:F0} GFLOP/s, the highest; {least:F0} the lowest");
        foreach (var (m, values) in ratios)
            if (values.Count > 0) Console.WriteLine($"{m,4} rows: f32 {Clock.Median(values):F2} × OpenBLAS (median of the shapes), lowest {values.Min():F2}");
    }
}
