using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using System.Text;

namespace Faith.Kernels.Tests;

/// <summary>
/// What a case runs in: the device, seeded operands and the checks. Operands stand in the device's memory, at odd addresses unless
/// <paramref name="aligned"/>, between fences of NaN that must survive and that poison whatever reads them; what the case reads and writes is a copy,
/// which goes to the device before an operation and comes back after it. With <see cref="OnlyRow"/> every batch operand shrinks to that one row.
/// </summary>
internal sealed class CaseContext(Device device, int seed, int? onlyRow = null, bool compare = true, bool aligned = false) : IDisposable
{
    const int Fence = 32;
    static readonly float Sentinel = BitConverter.Int32BitsToSingle(0x7FC0FA17);
    static readonly ConcurrentDictionary<DeviceBuffer, Block> Blocks = new(ReferenceEqualityComparer.Instance);

    readonly Random random = new(seed);
    readonly List<Block> blocks = [];
    readonly List<float[]> results = [];

    /// <summary>An operand with its fences, on the device and as a copy.</summary>
    sealed class Block(Device device, DeviceBuffer memory, float[] copy, Tensor view, string name)
    {
        bool deviceIsNewer, copyIsNewer = true;

        public DeviceBuffer Memory => memory;
        public Tensor View => view;
        public string Name => name;
        public float[] Before { get; private set; } = [.. copy];
        public bool Written { get; set; }

        /// <summary>The elements, to be read or written.</summary>
        public float[] Elements
        {
            get
            {
                if (deviceIsNewer) device.Download(memory, 0, MemoryMarshal.AsBytes(copy.AsSpan()));
                (deviceIsNewer, copyIsNewer) = (false, true);
                return copy;
            }
        }

        /// <summary>Before an operation.</summary>
        public void Send()
        {
            if (copyIsNewer) device.Upload(MemoryMarshal.AsBytes<float>(copy), memory, 0);
            (deviceIsNewer, copyIsNewer) = (true, false);
        }

        /// <summary>What it holds now is what it shall hold in the end.</summary>
        public void Keep() => Before = [.. Elements];
    }

    /// <summary>The device, with all operands on it.</summary>
    public Device Device
    {
        get
        {
            foreach (var block in blocks) block.Send();
            return device;
        }
    }

    public int? OnlyRow => onlyRow;
    public Random Random => random;

    /// <summary>How far compared results were from their references, |difference| / (1 + |expected|), one after the other.</summary>
    public List<double> Deviations { get; } = [];

    /// <summary>The checked outputs so far, row after row.</summary>
    public IReadOnlyList<float[]> Results => results;

    /// <summary>An operand with one row for every row of the batch.</summary>
    public Tensor Batch(int rows, int columns, double low = -1, double high = 1, int gap = 3)
    {
        var whole = Matrix(rows, columns, low, high, gap);
        return onlyRow is { } row ? whole.RowRange(row, 1) : whole;
    }

    /// <summary>An operand that all rows share.</summary>
    public Tensor Matrix(int rows, int columns, double low = -1, double high = 1, int gap = 3)
    {
        var stride = aligned && gap > 0 ? (columns + gap + 3) & ~3 : columns + gap;
        var start = Fence + (aligned ? 0 : 1);
        var all = new float[start + rows * stride + Fence];
        Array.Fill(all, Sentinel);
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++) all[start + r * stride + c] = (float)(low + (high - low) * random.NextDouble());
        var memory = device.Allocate(sizeof(float) * all.Length);
        var view = new Tensor(memory, start, rows, columns, stride);
        blocks.Add(Blocks[memory] = new(device, memory, all, view, $"{rows} × {columns}, number {blocks.Count}"));
        blocks[^1].Send();
        return view;
    }

    /// <summary>A dense matrix.</summary>
    public Tensor Dense(int rows, int columns, double low = -1, double high = 1) => Matrix(rows, columns, low, high, 0);

    /// <summary>Integers in device memory, one for every row of the batch.</summary>
    public Indices BatchIndices(params int[] values) => Integers(onlyRow is { } row ? [values[row]] : values);

    /// <summary>Integers in device memory.</summary>
    public Indices Integers(params int[] values)
    {
        var view = Matrix(1, Math.Max(values.Length, 1), gap: 0);
        values.CopyTo(MemoryMarshal.Cast<float, int>(blocks[^1].Elements.AsSpan((int)view.Offset)));
        blocks[^1].Keep();
        blocks[^1].Send();
        return new(view.Buffer, view.Offset, values.Length);
    }

    /// <summary>Integers that stand on the device.</summary>
    public int[] Read(Indices x)
    {
        var values = new int[x.Count];
        device.Download(x.Buffer!, sizeof(int) * x.Offset, MemoryMarshal.AsBytes(values.AsSpan()));
        return values;
    }

    /// <summary>A weight matrix of random values, and the values as [inputs × outputs].</summary>
    public Weights Weights(int inputs, int outputs, WeightPrecision precision, bool storedTransposed, out float[] values) =>
        device.CreateWeights(Source(inputs, outputs, precision, storedTransposed, out values));

    /// <summary>The same, made to be read row by row.</summary>
    public Weights Table(int rows, int columns, WeightPrecision precision, out float[] values) => device.CreateTable(Source(rows, columns, precision, false, out values));

    ArrayMatrix Source(int inputs, int outputs, WeightPrecision precision, bool storedTransposed, out float[] values)
    {
        var logical = new float[inputs * outputs];
        for (var i = 0; i < logical.Length; i++)
        {
            var value = (float)(random.NextDouble() - 0.5);
            logical[i] = precision switch
            {
                WeightPrecision.BFloat16 => BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) & unchecked((int)0xFFFF0000)),
                WeightPrecision.Float16 => (float)(Half)value,
                _ => value,
            };
        }
        var stored = logical;
        if (storedTransposed)
        {
            stored = new float[logical.Length];
            for (var k = 0; k < inputs; k++)
                for (var n = 0; n < outputs; n++) stored[n * inputs + k] = logical[k * outputs + n];
        }
        values = logical;
        return new(stored, inputs, outputs, storedTransposed, precision);
    }

    /// <summary>An element; outside the view the test itself is wrong.</summary>
    public static ref float At(Tensor x, int row, int column)
    {
        if ((uint)row >= (uint)x.Rows || (uint)column >= (uint)x.Columns) throw new ArgumentOutOfRangeException(nameof(row));
        return ref Blocks[x.Buffer!].Elements[x.Offset + (long)row * x.Stride + column];
    }

    /// <summary>A copy of a view, for references of operations that work in place or add.</summary>
    public static double[,] Values(Tensor x)
    {
        var copy = new double[x.Rows, x.Columns];
        for (var r = 0; r < x.Rows; r++)
            for (var c = 0; c < x.Columns; c++) copy[r, c] = At(x, r, c);
        return copy;
    }

    public static int At(Indices x, int i) => BitConverter.SingleToInt32Bits(Blocks[x.Buffer!].Elements[x.Offset + i]);

    /// <summary>Keeps an output's bits and, unless only these are wanted, compares it with its reference: |difference| ≤ tolerance·(1 + |expected|).</summary>
    public void Check(Tensor actual, Func<int, int, double> expected, double tolerance, string name)
    {
        var bits = new float[actual.Rows * actual.Columns];
        for (var r = 0; r < actual.Rows; r++)
            for (var c = 0; c < actual.Columns; c++)
            {
                double value = bits[r * actual.Columns + c] = At(actual, r, c);
                if (!compare) continue;
                var want = expected(r, c);
                var deviation = Math.Abs(value - want) / (1 + Math.Abs(want));
                Deviations.Add(deviation);
                if (!(deviation <= tolerance))
                    Assert.Fail($"{name}[{r}, {c}] = {value:R}, expected {want:R}");
            }
        results.Add(bits);
        Written(actual);
    }

    /// <summary>Declares a view as written although it is not compared here.</summary>
    public void Written(Tensor view)
    {
        foreach (var block in blocks.Where(b => b.Memory == view.Buffer)) block.Written = true;
    }

    /// <summary>Fences stand, and nothing has changed but the outputs.</summary>
    public void CheckFences()
    {
        var problems = new StringBuilder();
        foreach (var block in blocks)
        {
            var (now, start, view) = (block.Elements, (int)block.View.Offset, block.View);
            for (var i = 0; i < now.Length; i++)
            {
                if (BitConverter.SingleToInt32Bits(now[i]) == BitConverter.SingleToInt32Bits(block.Before[i])) continue;
                var inside = i >= start && i < start + view.Rows * view.Stride && (i - start) % view.Stride < view.Columns;
                if (inside && block.Written) continue;
                problems.AppendLine($"operand {block.Name}: {(inside ? "an input" : "the fence")} was written at {i - start}");
                break;
            }
        }
        Assert.True(problems.Length == 0, problems.ToString());
    }

    public void Dispose()
    {
        foreach (var block in blocks)
        {
            Blocks.TryRemove(block.Memory, out _);
            block.Memory.Dispose();
        }
    }
}
