using BenchmarkDotNet.Attributes;
using Faith.Kernels;
using Faith.Kernels.Host;

namespace Faith.Bench;

/// <summary>Every operation on shapes of GPT-2 small, 160 rows in 10 sequences, by name.</summary>
public sealed class Operations : IDisposable
{
    const int Sequences = 10, Length = 16, Rows = Sequences * Length, Width = 768, Heads = 12, HeadDim = 64, Vocabulary = 50257;

    readonly List<DeviceBuffer> owned = [];
    readonly List<IDisposable> others = [];
    readonly Random random = new(5);

    /// <summary>Operation → elements of its result and the call.</summary>
    public Dictionary<string, (long Elements, Action Call)> Table { get; } = [];

    /// <summary>Allocates all operands.</summary>
    public Operations(int threads)
    {
        var device = new HostDevice(threads);
        others.Add(device);
        Tensor Matrix(int rows, int columns)
        {
            var memory = device.Allocate(sizeof(float) * (long)rows * columns);
            owned.Add(memory);
            var values = new float[rows * columns];
            for (var i = 0; i < values.Length; i++) values[i] = (float)random.NextDouble() * 2 - 1;
            device.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes<float>(values), memory.Address);
            return new(memory.Address, rows, columns);
        }
        Indices Integers(params int[] values) => device.Upload(values, Matrix(1, values.Length).Pointer);
        void Add(string name, long elements, Action call) => Table.Add(name, (elements, call));

        Tensor x = Matrix(Rows, Width), y = Matrix(Rows, Width), z = Matrix(Rows, Width), u = Matrix(Rows, 4 * Width), du = Matrix(Rows, 4 * Width), wide = Matrix(Rows, 4 * Width);
        Tensor one = Matrix(1, Width), inverse = Matrix(Rows, 1), perHead = Matrix(Rows, Heads), half = Matrix(Rows, 2 * Width), table = Matrix(5000, Width);
        var rows = Integers([.. Enumerable.Range(0, Rows).Select(i => i * 31 % 5000)]);
        var order = Integers([.. Enumerable.Range(0, Rows).Reverse()]);
        Tensor cosines = Matrix(Length, HeadDim / 2), sines = Matrix(Length, HeadDim / 2);
        var positions = Integers([.. Enumerable.Range(0, Rows).Select(i => i % Length)]);
        long n = (long)Rows * Width;
        Add("Fill", n, () => device.Fill(y, 1));
        Add("Copy", n, () => device.Copy(x, y));
        Add("AddScaled", n, () => device.AddScaled(x, 1e-9f, y));
        Add("Subtract", n, () => device.Subtract(x, z, y));
        Add("Interpolate", n, () => device.Interpolate(x, z, 0.4f, y));
        Add("GatherRows", n, () => device.GatherRows(table, rows, 1, y));
        Add("AddGatheredRows", n, () => device.AddGatheredRows(table, rows, y));
        Add("ScatterAddRows", n, () => device.ScatterAddRows(x, order, y));
        Add("NormForward", n, () => device.NormForward(x, one, one, 1e-5f, true, y, z, inverse));
        Add("NormBackward", n, () => device.NormBackward(x, one, z, inverse, true, false, y));
        Add("GeluForward", 4 * n, () => device.GeluForward(u, du, wide));
        Add("MultiplyElements", 4 * n, () => device.MultiplyElements(u, wide, du));
        Add("SwiGluForward", 2 * n, () => device.SwiGluForward(u, half));
        Add("SwiGluBackward", 4 * n, () => device.SwiGluBackward(u, half, du));
        Add("Rotary", n, () => device.Rotary(x, positions, cosines, sines, HeadDim, false, y));
        Add("SumHeadGroups", n, () => device.SumHeadGroups(u, HeadDim, 4, y));
        Add("AccumulateSplitGradient", n, () => device.AccumulateSplitGradient(x, z, one, inverse, Width, HeadDim, 1, 1e-9f, y, perHead));

        foreach (var length in new[] { Length, 128, 1024 })
        {
            var count = Math.Max(1, Rows / length);
            var layout = new Ragged([.. Enumerable.Repeat(length, count)], new int[count], new int[count], false);
            var shape = new AttentionShape(Heads, HeadDim, 1, 1, 0.125f);
            Tensor[] m = [.. Enumerable.Range(0, 8).Select(_ => Matrix(layout.Rows, Width))];
            var logSumExp = Matrix(layout.Rows, Heads);
            var elements = (long)layout.Rows * Width;
            Add($"AttentionForward {length}", elements, () => device.AttentionForward(layout, shape, m[0], m[1], m[2], default, default, m[3], logSumExp));
            Add($"AttentionBackward {length}", elements, () => device.AttentionBackward(layout, shape, m[0], m[1], m[2], default, default, m[3], logSumExp, m[4], m[5], m[6], m[7]));
        }

        Tensor logits = Matrix(Sequences, Vocabulary), reference = Matrix(Sequences, Vocabulary), gradient = Matrix(Sequences, Vocabulary), value = Matrix(Sequences, 1), weights = Matrix(1, 2 * Sequences);
        var offsets = Integers([.. Enumerable.Range(0, Sequences + 1).Select(i => 2 * i)]);
        var tokens = Integers([.. Enumerable.Range(0, 2 * Sequences).Select(i => i * 37)]);
        Tensor last = x.RowRange(0, Sequences), dLast = y.RowRange(0, Sequences);
        Add("SparseLogits", Sequences * Width, () => device.SparseLogits(last, table, offsets, tokens, weights, value, dLast));
        Add("SoftmaxMetric", logits.Count, () => device.SoftmaxMetric(logits, offsets, tokens, weights, value, gradient));
        Add("DivergenceMetric kl", logits.Count, () => device.DivergenceMetric(logits, reference, false, value, gradient));
        Add("DivergenceMetric js", logits.Count, () => device.DivergenceMetric(logits, reference, true, value, gradient));
        var list = Integers([.. Enumerable.Range(0, 60).Select(i => i % 30)]);
        var starts = Integers([.. Enumerable.Range(0, 13).Select(i => 5 * i)]);
        Tensor sources = Matrix(30 * Length, Width), inputs = Matrix(12 * Length, Width), baseline = x.RowRange(0, Length);
        NormedMix mix = new(baseline, sources, starts, list, one, one, 1e-5f, true);
        Add("MixNormed", inputs.Count, () => device.MixNormed(mix, inputs));
        Add("MixInputs", inputs.Count, () => device.MixInputs(baseline, sources, starts, list, inputs));

        var projection = device.CreateWeights(new ArrayMatrix(new float[Width * 3 * Width], Width, 3 * Width, false));
        others.Insert(0, projection);
        var projected = Matrix(Rows, 3 * Width);
        Add("Multiply", projected.Count, () => device.Multiply(projection, WeightSide.Forward, x, projected));
        var contraction = new ContractionTiming(threads, Sequences, Length, 5);
        others.Insert(0, contraction);
        Add("ContractScores", contraction.Operands.Scores.Count, () => contraction.Device.ContractScores(contraction.Operands));
    }

    /// <summary>A quick table of nanoseconds an element, medians of <paramref name="rounds"/>.</summary>
    public static void Run(int threads, int rounds)
    {
        using var operations = new Operations(threads);
        foreach (var (name, (elements, call)) in operations.Table)
        {
            List<double> nanoseconds = [];
            var calls = (int)Math.Clamp(3_000_000 / elements, 1, 200);
            for (var round = -1; round < rounds; round++)
            {
                var start = Clock.Now(threads == 1);
                for (var i = 0; i < calls; i++) call();
                if (round >= 0) nanoseconds.Add((Clock.Now(threads == 1) - start) * 1e9 / calls / elements);
            }
            Console.WriteLine($"{name,-26} {Clock.Median(nanoseconds),8:F3} ns an element, {Clock.Median(nanoseconds) * elements / 1e3,10:F1} µs a call");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var buffer in owned) buffer.Dispose();
        foreach (var other in others) other.Dispose();
    }
}

/// <summary>BenchmarkDotNet on the table of operations.</summary>
[MemoryDiagnoser]
public class OperationBenchmarks
{
    Operations? operations;
    Action call = () => { };

    /// <summary>Names of the table.</summary>
    public static IEnumerable<string> Names
    {
        get
        {
            using var operations = new Operations(1);
            return operations.Table.Keys.ToArray();
        }
    }

    /// <summary>The operation.</summary>
    [ParamsSource(nameof(Names))]
    public string Operation { get; set; } = "";

    /// <summary>Threads of the device.</summary>
    [Params(1, 2)]
    public int Threads { get; set; }

    /// <summary>Makes the operands.</summary>
    [GlobalSetup]
    public void SetUp()
    {
        operations = new Operations(Threads);
        call = operations.Table[Operation].Call;
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void CleanUp() => operations?.Dispose();

    /// <summary>One call.</summary>
    [Benchmark]
    public void Call() => call();
}
