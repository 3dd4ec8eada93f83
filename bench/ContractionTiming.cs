using Faith.Kernels;
using Faith.Kernels.Host;

namespace Faith.Bench;

/// <summary>The score contraction on a GPT-2-small-shaped model with random operands.</summary>
internal sealed class ContractionTiming : IDisposable
{
    readonly List<IDisposable> owned = [];
    readonly Random random = new(3);

    public HostDevice Device { get; }
    public ScoreContraction Operands { get; }

    public ContractionTiming(int threads, int examples, int rowsEach, int steps, int layers = 12)
    {
        const int Heads = 12, HeadDim = 64, Width = 768;
        Device = new HostDevice(threads);
        owned.Add(Device);
        var layout = new Ragged([.. Enumerable.Repeat(rowsEach, examples)], new int[examples], new int[examples], false);
        int rows = layout.Rows, sources = 1 + layers * (Heads + 1), columns = layers * (3 * Heads + 1) + 1;
        T[] Each<T>(Func<T> make) => [.. Enumerable.Range(0, layers).Select(_ => make())];
        Operands = new ScoreContraction
        {
            Layout = layout, Layers = layers, Heads = Heads, HeadDim = HeadDim, Group = 1, Centred = true, Parallel = false, ReducesLastLayer = true, Steps = steps,
            InputDifference = Matrix(rows, Width),
            ContextDifference = Each(() => Matrix(rows, Width)),
            MlpDifference = Each(() => Matrix(rows, Width)),
            Output = Each(() => Weights(Width, Width)),
            QueryKeyValue = Each(() => Weights(Width, 3 * Width)),
            NormScale = Each(() => Matrix(1, Width)),
            Alpha = Each(() => Matrix(rows, 3 * Width)),
            NormalizedInputs = Each(() => Matrix(steps * rows, Width)),
            StepProducts = Each(() => Matrix(steps * rows, 3 * Heads)),
            MlpGradient = [.. Enumerable.Range(0, layers).Select(l => Matrix(l == layers - 1 ? examples : rows, Width))],
            LogitsGradient = Matrix(examples, Width),
            Scores = Matrix(examples, sources * columns),
        };
    }

    Tensor Matrix(int rows, int columns)
    {
        var memory = Device.Allocate(4L * rows * columns);
        owned.Add(memory);
        var tensor = new Tensor(memory, rows, columns);
        var values = new float[columns];
        for (var r = 0; r < Math.Min(rows, 64); r++)
        {
            for (var c = 0; c < Math.Min(columns, 4096); c++) values[c] = (float)random.NextDouble() - 0.5f;
            Device.Upload(values, tensor.RowRange(r, 1));
        }
        return tensor;
    }

    Weights Weights(int inputs, int outputs)
    {
        var values = new float[inputs * outputs];
        for (var i = 0; i < values.Length; i++) values[i] = (float)random.NextDouble() - 0.5f;
        var weights = Device.CreateWeights(new ArrayMatrix(values, inputs, outputs, false));
        owned.Add(weights);
        return weights;
    }

    /// <summary>Prints the share of the peak for a few row counts and steps.</summary>
    public static void Run(int threads, int rounds)
    {
        var peak = PeakProbe.MeasureGflops(threads);
        foreach (var (examples, rowsEach, steps) in new[] { (10, 16, 5), (10, 7, 5), (10, 16, 30), (1, 16, 5), (2, 100, 5) })
        {
            using var timing = new ContractionTiming(threads, examples, rowsEach, steps);
            List<double> seconds = [];
            long flops = 0;
            for (var round = -1; round < rounds; round++)
            {
                var before = timing.Device.MatrixFlops;
                var start = Clock.Now(threads == 1);
                timing.Device.ContractScores(timing.Operands);
                if (round >= 0) seconds.Add(Clock.Now(threads == 1) - start);
                flops = timing.Device.MatrixFlops - before;
            }
            var gflops = flops / Clock.Median(seconds) / 1e9;
            Console.WriteLine($"contraction, {examples} × {rowsEach} rows, {steps} steps: {Clock.Median(seconds) * 1e3:F1} ms, {flops / 1e6 / examples / rowsEach:F0} MFLOP a row, {gflops:F0} GFLOP/s, {gflops / peak:P0} of peak");
        }
    }

    public void Dispose()
    {
        for (var i = owned.Count - 1; i >= 0; i--) owned[i].Dispose();
    }
}
