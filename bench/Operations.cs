using BenchmarkDotNet.Attributes;
using Faith.Cli.Benchmarks;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Kernels;
using Faith.Kernels.Host;

namespace Faith.Bench;

/// <summary>The operations of the passes (<see cref="PassOperations"/>) at the width of GPT-2 small, 160 rows, by name.</summary>
internal sealed class Operations : IDisposable
{
    const int Rows = 160, Length = 16, Steps = 5, Layers = 12, SharedLength = 512;
    static readonly int[] LongSequences = [128, 1024];

    readonly Stack<IDisposable> owned = new();

    /// <summary>Makes the operands.</summary>
    /// <param name="device">Where; a <see cref="PlanningDevice"/> gives the names only.</param>
    public Operations(Device device)
    {
        var gpt2 = RandomWeights.Create("gpt2", null, Layers);
        Add(gpt2, Rows, Length, operation => operation.Name);
        // What GPT-2 does not do: SwiGLU, rotary embedding, shared key heads.
        var llama = RandomWeights.Create("stories110m").Config with { Layers = 1, KeyValueHeads = 3, Vocabulary = 5000 };
        Add(RandomWeights.Create(llama, WeightPrecision.Float32), Rows, Length, operation => operation.Name);
        var one = RandomWeights.Create(gpt2.Config with { Layers = 1, Vocabulary = 5000 }, WeightPrecision.Float32);
        foreach (var length in LongSequences)
        {
            Add(one, Math.Max(Rows, length), length, operation => operation.Name.StartsWith("Attention", StringComparison.Ordinal) ? $"{operation.Name} of {length}" : null);
        }
        var shared = RandomWeights.Create(RandomWeights.Create("llama-1b").Config with { Layers = 1, Vocabulary = 5000 }, WeightPrecision.Float32);
        Add(shared, SharedLength, SharedLength, operation => operation.Name.StartsWith("Attention", StringComparison.Ordinal) ? $"{operation.Name} of {SharedLength}, shared keys" : null);

        void Add(ModelWeights weights, int rows, int length, Func<PassOperation, string?> name)
        {
            var model = new Transformer(device, weights);
            owned.Push(model);
            var operations = new PassOperations(model, WeightPrecision.Float32, rows, length, Steps);
            owned.Push(operations);
            foreach (var operation in operations.All)
            {
                if (name(operation) is { } key) Table.TryAdd(key, operation);
            }
        }
    }

    /// <summary>The operations by name.</summary>
    public Dictionary<string, PassOperation> Table { get; } = [];

    /// <summary>
    /// A quick table of the operations whose names have <paramref name="part"/> in them: medians of <paramref name="rounds"/>, and their share of what the same
    /// clock says of a copy and of a product of large matrices. On one thread it is processor time, which hardly depends on what else the machine does.
    /// </summary>
    public static void Run(int threads, int rounds, string part)
    {
        const int Copied = 1 << 24, Square = 1024;
        using var device = new HostDevice(threads);
        using var from = device.Allocate(sizeof(float) * (long)Copied);
        using var to = device.Allocate(sizeof(float) * (long)Copied);
        using var weights = device.CreateWeights(new ArrayMatrix(new float[Square * Square], Square, Square, false));
        Tensor x = new(from, Copied / 4096, 4096), y = new(to, Copied / 4096, 4096), a = new(from, Square, Square), b = new(to, Square, Square);
        double Median(Action run)
        {
            // A few milliseconds a round.
            var calls = (int)Math.Clamp(0.003 / DeviceProbe.SecondsOf(device, run), 1, 200);
            List<double> seconds = [];
            for (var round = 0; round < rounds; round++)
            {
                var start = Clock.Now(threads == 1);
                for (var i = 0; i < calls; i++) run();
                seconds.Add((Clock.Now(threads == 1) - start) / calls);
            }
            return Clock.Median(seconds);
        }
        double copy = 2.0 * sizeof(float) * Copied / Median(() => device.Copy(x, y)), product = 2.0 * Square * Square * Square / Median(() => device.Multiply(weights, WeightSide.Forward, a, b));
        Console.WriteLine($"{device.Name}: copy {copy / 1e9:F1} GB/s, product {product / 1e9:F1} GFLOP/s; medians of {rounds}{(threads == 1 ? ", processor time" : "")}");
        using var operations = new Operations(device);
        foreach (var (name, operation) in operations.Table.Where(o => o.Key.Contains(part, StringComparison.Ordinal)))
        {
            var seconds = Median(operation.Run);
            var (memory, arithmetic) = (operation.Bytes / copy, operation.Flops / product);
            Console.WriteLine($"{name,-56} {seconds * 1e6,10:F1} µs {operation.Bytes / seconds / 1e9,8:F1} GB/s {operation.Flops / seconds / 1e9,8:F1} GFLOP/s {Math.Max(memory, arithmetic) / seconds,6:P0} of {(memory > arithmetic ? "copy" : "product")}");
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        while (owned.TryPop(out var item)) item.Dispose();
    }
}

/// <summary>BenchmarkDotNet on the table of operations.</summary>
[MemoryDiagnoser]
public class OperationBenchmarks
{
    HostDevice? device;
    Operations? operations;
    Action call = () => { };

    /// <summary>Names of the table.</summary>
    public static IEnumerable<string> Names
    {
        get
        {
            using var nowhere = PlanningDevice.Host(long.MaxValue);
            using var operations = new Operations(nowhere);
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
        device = new HostDevice(Threads);
        operations = new Operations(device);
        call = operations.Table[Operation].Run;
    }

    /// <summary>Frees them.</summary>
    [GlobalCleanup]
    public void CleanUp()
    {
        operations?.Dispose();
        device?.Dispose();
    }

    /// <summary>One call.</summary>
    [Benchmark]
    public void Call() => call();
}
