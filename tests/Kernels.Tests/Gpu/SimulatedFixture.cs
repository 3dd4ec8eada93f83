using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>Tests of the simulated GPUs run one after another.</summary>
[CollectionDefinition("cuda", DisableParallelization = false)]
public sealed class SimulatedCollection : ICollectionFixture<SimulatedFixture>;

/// <summary>A GPU whose driver runs PTX in the interpreter: ILGPU's own accelerator, whole, on a machine without one. It is opened once.</summary>
public sealed class SimulatedFixture : IDisposable
{
    public SimulatedFixture()
    {
        SimulatedGpu.Reset();
        Device = Open();
    }

    public GpuDevice Device { get; }

    /// <summary>Has ILGPU find the simulated driver.</summary>
    internal static void Install()
    {
        GpuLibraries.CudaStandIn = SimulatedLibrary.Handle;
        GpuLibraries.Install();
    }

    /// <summary>The GPU as the driver describes it.</summary>
    internal static GpuProbe Probe()
    {
        Install();
        return GpuDevices.Probe(GpuKind.Cuda);
    }

    /// <summary>A device of its own, which compiles its kernels anew.</summary>
    internal static GpuDevice Open(Products products = Products.Exact) => GpuDevices.Open(Probe().Devices[0], products: products);

    public void Dispose() => Device.Dispose();
}

/// <summary>Cases of the table on a device.</summary>
internal static class Cases
{
    /// <summary>All of them.</summary>
    public static IEnumerable<OpCase> All => OpCases.All;

    /// <summary>Runs a case and returns the bits of its results.</summary>
    public static IReadOnlyList<float[]> Results(Device device, OpCase item, int? row = null, bool aligned = false, bool compare = true) => Results(device, item, out _, row, aligned, compare);

    /// <summary>Runs a case and returns the bits of its results, and how far they were from their references.</summary>
    public static IReadOnlyList<float[]> Results(Device device, OpCase item, out IReadOnlyList<double> deviations, int? row = null, bool aligned = false, bool compare = true)
    {
        try
        {
            using var context = new CaseContext(device, seed: 7, row, compare, aligned);
            item.Run(context);
            context.CheckFences();
            deviations = context.Deviations;
            return context.Results;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{item}: {e.Message}", e);
        }
    }

    /// <summary>The same bits, or the case and what for.</summary>
    public static void AssertSame(IReadOnlyList<float[]> expected, IReadOnlyList<float[]> actual, string what)
    {
        Assert.Equal(expected.Count, actual.Count);
        for (var i = 0; i < expected.Count; i++)
            for (var k = 0; k < expected[i].Length; k++)
                if (BitConverter.SingleToInt32Bits(expected[i][k]) != BitConverter.SingleToInt32Bits(actual[i][k]))
                    Assert.Fail($"{what}: element {k} of result {i} is {actual[i][k]:R}, not {expected[i][k]:R}");
    }

    /// <summary>The part of a row in results of a batch.</summary>
    public static IReadOnlyList<float[]> OfRow(IReadOnlyList<float[]> results, OpCase item, int row) =>
        [.. results.Select(x => x.AsSpan(x.Length / item.BatchRows * row, x.Length / item.BatchRows).ToArray())];
}
