using System.Runtime.InteropServices;
using System.Text;

namespace Faith.Kernels.Tests;

/// <summary>
/// What a case runs in: the device, seeded operands and the checks. Operands lie at odd addresses, between fences of NaN that must
/// survive and that poison whatever reads them. With <see cref="OnlyRow"/> every batch operand shrinks to that one row.
/// </summary>
internal sealed unsafe class CaseContext(Device device, int seed, int? onlyRow = null, bool compare = true) : IDisposable
{
    const int Fence = 32;
    static readonly float Sentinel = BitConverter.Int32BitsToSingle(0x7FC0FA17);

    readonly Random random = new(seed);
    readonly List<Block> blocks = [];
    readonly List<float[]> results = [];

    /// <summary>Host memory that begins one float beside its alignment, so that nothing may rely on that.</summary>
    sealed class OddMemory(int floats) : DeviceBuffer((nint)NativeMemory.AlignedAlloc((nuint)(floats + 1) * sizeof(float), 64) + sizeof(float), sizeof(float) * (long)floats)
    {
        public Span<float> All => new((float*)Address, (int)(Bytes / sizeof(float)));

        protected override bool ReleaseHandle()
        {
            NativeMemory.AlignedFree((void*)(handle - sizeof(float)));
            return true;
        }
    }

    sealed record Block(OddMemory Memory, Tensor View, float[] Before, string Name)
    {
        public bool Written { get; set; }
    }

    public Device Device => device;
    public int? OnlyRow => onlyRow;
    public Random Random => random;

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
        var stride = columns + gap;
        var length = Fence + rows * stride + Fence;
        var memory = new OddMemory(length);
        var all = memory.All;
        all.Fill(Sentinel);
        var view = new Tensor(memory, Fence, rows, columns, stride);
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++) At(view, r, c) = (float)(low + (high - low) * random.NextDouble());
        blocks.Add(new(memory, view, all.ToArray(), $"{rows} × {columns}, number {blocks.Count}"));
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
        var indices = device.Upload(values, new Indices(view.Buffer, view.Offset, view.Columns));
        blocks[^1] = blocks[^1] with { Before = blocks[^1].Memory.All.ToArray() };
        return indices;
    }

    /// <summary>A weight matrix of random values, and the values as [inputs × outputs].</summary>
    public Weights Weights(int inputs, int outputs, WeightPrecision precision, bool storedTransposed, out float[] values)
    {
        var logical = new float[inputs * outputs];
        for (var i = 0; i < logical.Length; i++)
        {
            var value = (float)(random.NextDouble() - 0.5);
            logical[i] = precision == WeightPrecision.BFloat16 ? BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(value) & unchecked((int)0xFFFF0000)) : value;
        }
        var stored = logical;
        if (storedTransposed)
        {
            stored = new float[logical.Length];
            for (var k = 0; k < inputs; k++)
                for (var n = 0; n < outputs; n++) stored[n * inputs + k] = logical[k * outputs + n];
        }
        values = logical;
        return device.CreateWeights(new StoredMatrix(stored, inputs, outputs, storedTransposed, precision));
    }

    sealed class StoredMatrix(float[] values, int inputs, int outputs, bool transposed, WeightPrecision precision) : MatrixSource
    {
        public override int Inputs => inputs;
        public override int Outputs => outputs;
        public override bool StoredTransposed => transposed;
        public override WeightPrecision Precision => precision;
        public override void ReadStoredRows(int start, int count, Span<float> destination)
        {
            var width = transposed ? inputs : outputs;
            values.AsSpan(start * width, count * width).CopyTo(destination);
        }
    }

    /// <summary>An element; outside the view the test itself is wrong.</summary>
    public static ref float At(Tensor x, int row, int column)
    {
        if ((uint)row >= (uint)x.Rows || (uint)column >= (uint)x.Columns) throw new ArgumentOutOfRangeException(nameof(row));
        return ref ((RawTensor)x).Row(row)[column];
    }

    /// <summary>A copy of a view, for references of operations that work in place or add.</summary>
    public static double[,] Values(Tensor x)
    {
        var copy = new double[x.Rows, x.Columns];
        for (var r = 0; r < x.Rows; r++)
            for (var c = 0; c < x.Columns; c++) copy[r, c] = At(x, r, c);
        return copy;
    }

    public static int At(Indices x, int i) => ((RawIndices)x).First()[i];

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
                if (!(Math.Abs(value - want) <= tolerance * (1 + Math.Abs(want))))
                    Assert.Fail($"{name}[{r}, {c}] = {value:R}, expected {want:R}");
            }
        results.Add(bits);
        Written(actual);
    }

    /// <summary>Declares a view as written although it is not compared here.</summary>
    public void Written(Tensor view)
    {
        foreach (var block in blocks)
            if (view.Buffer == block.Memory) block.Written = true;
    }

    /// <summary>Fences stand, and nothing has changed but the outputs.</summary>
    public void CheckFences()
    {
        var problems = new StringBuilder();
        foreach (var block in blocks)
        {
            ReadOnlySpan<float> now = block.Memory.All;
            for (var i = 0; i < now.Length; i++)
            {
                if (BitConverter.SingleToInt32Bits(now[i]) == BitConverter.SingleToInt32Bits(block.Before[i])) continue;
                var inside = i >= Fence && i < Fence + block.View.Rows * block.View.Stride && (i - Fence) % block.View.Stride < block.View.Columns;
                if (inside && block.Written) continue;
                problems.AppendLine($"operand {block.Name}: {(inside ? "an input" : "the fence")} was written at {i - Fence}");
                break;
            }
        }
        Assert.True(problems.Length == 0, problems.ToString());
    }

    public void Dispose()
    {
        foreach (var block in blocks) block.Memory.Dispose();
    }
}
