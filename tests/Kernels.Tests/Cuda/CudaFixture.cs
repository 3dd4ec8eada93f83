using System.Runtime.InteropServices;
using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>Tests of the one simulated GPU run one after another.</summary>
[CollectionDefinition("cuda", DisableParallelization = false)]
public sealed class CudaCollection : ICollectionFixture<CudaFixture>;

/// <summary>A device whose driver runs the shipped PTX in the interpreter. It is opened once: reading the PTX takes a moment.</summary>
public sealed class CudaFixture : IDisposable
{
    public CudaFixture()
    {
        SimulatedGpu.Reset();
        Driver = new(SimulatedDriver.Symbol);
        Device = CudaDevices.Open(CudaDevices.Probe(Driver));
    }

    public CudaDriver Driver { get; }

    public CudaDevice Device { get; }

    /// <summary>A device with kernels of its own.</summary>
    public CudaDevice Open(string ptx) => new(Driver, CudaDevices.Probe(Driver).Devices[0], ptx);

    /// <summary>A kernel's name, parameters and body, as they stand in a PTX.</summary>
    public static string BodyOf(string ptx, string kernel)
    {
        var start = ptx.IndexOf($".entry {kernel}(", StringComparison.Ordinal);
        return ptx[start..ptx.IndexOf("\n}", start, StringComparison.Ordinal)];
    }

    public void Dispose() => Device.Dispose();
}

/// <summary>Memory that nobody has allocated.</summary>
internal sealed class NoMemory(nint address) : DeviceBuffer(address, 1 << 20)
{
    protected override bool ReleaseHandle() => true;
}

/// <summary>Matrices on the device, freed together.</summary>
internal sealed class DeviceArena(Device device) : IDisposable
{
    private readonly List<IDisposable> _buffers = [];

    /// <summary>Uploads a matrix; with <paramref name="stride"/> wider than it, the gaps hold NaN, which no operation may read or change.</summary>
    public Tensor Put(float[] values, int rows, int columns, int stride = 0)
    {
        stride = Math.Max(stride, columns);
        var padded = new float[Math.Max(1, rows * stride)];
        Array.Fill(padded, float.NaN);
        for (var r = 0; r < rows; r++)
            values.AsSpan(r * columns, columns).CopyTo(padded.AsSpan(r * stride));
        // The last row ends with its last column: what is behind it is out of bounds.
        var bytes = MemoryMarshal.AsBytes<float>(padded.AsSpan(0, Math.Max(1, rows * stride - (stride - columns))));
        var buffer = device.Allocate(bytes.Length);
        _buffers.Add(buffer);
        device.Upload(bytes, buffer, 0);
        return new(buffer, 0, rows, columns, stride);
    }

    /// <summary>A matrix of NaN, for outputs that are set.</summary>
    public Tensor New(int rows, int columns, int stride = 0) =>
        Put([.. Enumerable.Repeat(float.NaN, rows * columns)], rows, columns, stride);

    public Indices Put(params int[] values)
    {
        var buffer = device.Allocate(Math.Max(4, 4 * values.Length));
        _buffers.Add(buffer);
        return device.Upload(values, new Indices(buffer, 0, values.Length));
    }

    public Weights Put(MatrixSource source)
    {
        var weights = device.CreateWeights(source);
        _buffers.Add(weights);
        return weights;
    }

    public Ragged Prepare(Ragged layout)
    {
        var buffer = device.Allocate(sizeof(int) * layout.Integers);
        _buffers.Add(buffer);
        device.Prepare(layout, new(buffer, 0, layout.Integers));
        return layout;
    }

    public float[] Get(Tensor x)
    {
        var all = new float[(x.Rows - 1) * x.Stride + x.Columns];
        device.Download(x, all);
        var values = new float[x.Rows * x.Columns];
        for (var r = 0; r < x.Rows; r++)
        {
            all.AsSpan(r * x.Stride, x.Columns).CopyTo(values.AsSpan(r * x.Columns));
            for (var gap = x.Columns; r + 1 < x.Rows && gap < x.Stride; gap++)
                Assert.True(float.IsNaN(all[r * x.Stride + gap]), $"row {r}: something was written behind the last column");
        }
        return values;
    }

    public void Dispose() => _buffers.ForEach(b => b.Dispose());
}
