using Faith.PtxInterpreter;
using ILGPU;
using ILGPU.Runtime;
using ILGPU.Runtime.Cuda;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>A test that needs the simulated driver as a native library.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SimulatedLibraryFactAttribute : FactAttribute
{
    public SimulatedLibraryFactAttribute() => Skip = SimulatedLibrary.IsSupported ? null : "the simulated driver is a library for Linux on x64";
}

/// <summary>ILGPU's own CUDA accelerator on simulated GPUs: that it works there, and that mistakes of kernels and of the host are found.</summary>
[Collection("cuda")]
public sealed class SimulatedCudaAcceleratorTests : IDisposable
{
    private const int Threads = 64;

    private readonly List<IDisposable> _opened = [];
    private readonly Lazy<Context> _context;

    public SimulatedCudaAcceleratorTests()
    {
        SimulatedGpu.Reset();
        _context = new(() =>
        {
            SimulatedFixture.Install();
            return Keep(Context.Create(b => b.Cuda().Optimize(OptimizationLevel.O1)));
        });
    }

    public void Dispose()
    {
        for (var n = _opened.Count - 1; n >= 0; n--)
            _opened[n].Dispose();
        SimulatedGpu.Reset();
    }

    private T Keep<T>(T opened) where T : IDisposable
    {
        _opened.Add(opened);
        return opened;
    }

    private CudaAccelerator Open(int device = 0) => Keep(_context.Value.CreateCudaAccelerator(device));

    private static float[] Numbers(int count) => [.. Enumerable.Range(0, count).Select(n => n * 0.37f - 50)];

    [SimulatedLibraryFact]
    public void AnElementKernelRunsAndNothingIsLeftBehind()
    {
        var (memory, handles) = (SimulatedGpu.Memory.Used, SimulatedGpu.LiveHandles);
        using (var context = Context.Create(b => { SimulatedFixture.Install(); b.Cuda().Optimize(OptimizationLevel.O1); }))
        using (var accelerator = context.CreateCudaAccelerator(0))
        using (var stream = accelerator.CreateStream())
        {
            Assert.Equal(("Simulated GPU", 32, 4), (accelerator.Name, accelerator.WarpSize, accelerator.NumMultiprocessors));
            var x = Numbers(1000);
            using var onDevice = accelerator.Allocate1D(x);
            using var result = accelerator.Allocate1D<float>(x.Length);
            Assert.Equal(1, SimulatedGpu.Copies);
            Assert.Equal(8000, SimulatedGpu.Memory.Used - memory);
            Assert.Equal(SimulatedGpu.MemoryBytes - SimulatedGpu.Memory.Used, accelerator.GetFreeMemory());
            accelerator.LoadAutoGroupedKernel<Index1D, ArrayView<float>, ArrayView<float>, float>(SimulatedKernels.Scale)(stream, x.Length, onDevice.View, result.View, 3);
            stream.Synchronize();
            Assert.Equal(x.Select(v => v * 3), result.GetAsArray1D());
            Assert.Equal([$"Kernel_{nameof(SimulatedKernels.Scale)}"], SimulatedGpu.Launched);
            Assert.Equal(1, SimulatedGpu.KernelLaunches);
            Assert.True(SimulatedGpu.Waits > 0);
        }
        Assert.Equal(memory, SimulatedGpu.Memory.Used);
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
    }

    [SimulatedLibraryFact]
    public void SharedMemoryBarriersShufflesAndWideLoadsWork()
    {
        var accelerator = Open();
        var x = Numbers(4 * 3 * Threads);
        using var onDevice = accelerator.Allocate1D(x);
        using var sums = accelerator.Allocate1D<float>(3 * Threads);
        var kernel = accelerator.LoadStreamKernel<ArrayView<SimulatedKernels.Four>, ArrayView<float>>(SimulatedKernels.Reverse);
        kernel(new(3, Threads, SharedMemoryConfig.RequestDynamic<float>(Threads)), onDevice.View.AsContiguous().Cast<SimulatedKernels.Four>(), sums.View);
        accelerator.Synchronize();
        var got = sums.GetAsArray1D();
        for (var i = 0; i < got.Length; i++)
        {
            var four = x.AsSpan(4 * (i / Threads * Threads + Threads - 1 - i % Threads), 4);
            var neighbour = x.AsSpan(4 * ((i / Threads * Threads + Threads - 1 - i % Threads) ^ 1), 4);
            Assert.Equal(four[0] + four[1] + four[2] + four[3] + neighbour[0], got[i]);
        }
    }

    [SimulatedLibraryFact]
    public void ArithmeticIsThatOfTheHost()
    {
        var accelerator = Open();
        int[] ints = [.. Enumerable.Range(0, Threads).Select(n => (n - 31) * 73_856_093)];
        using var x = accelerator.Allocate1D(ints);
        using var y = accelerator.Allocate1D<long>(8 * Threads);
        accelerator.LoadStreamKernel<ArrayView<int>, ArrayView<long>>(SimulatedKernels.Arithmetic)(new(1, Threads), x.View, y.View);
        var got = y.GetAsArray1D();
        for (var i = 0; i < Threads; i++)
            for (var which = 0; which < 8; which++)
                Assert.True(SimulatedKernels.Calculate(which, ints[i]) == got[8 * i + which],
                    $"calculation {which} of {ints[i]}: {SimulatedKernels.Calculate(which, ints[i])} on the host, {got[8 * i + which]} in a kernel");
    }

    [SimulatedLibraryFact]
    public void AMissingBarrierIsARace()
    {
        var accelerator = Open();
        using var x = accelerator.Allocate1D(Numbers(Threads));
        var kernel = accelerator.LoadStreamKernel<ArrayView<float>>(SimulatedKernels.NoBarrier);
        var error = Assert.Throws<CudaException>(() => kernel(new(1, Threads), x.View));
        Assert.Matches(@"kernel Kernel_NoBarrier, PTX line \d+ .*: (race: thread \d+ (reads|writes) word|thread \d+ reads word \d+ of \w+, which nobody has written)", error.Message);
    }

    [SimulatedLibraryFact]
    public void AnAccessBeyondABufferIsFound()
    {
        var accelerator = Open();
        using var x = accelerator.Allocate1D(Numbers(1000));
        using var result = accelerator.Allocate1D<float>(999);
        var kernel = accelerator.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, float>(SimulatedKernels.Scale);
        var error = Assert.Throws<CudaException>(() => kernel(1000, x.View, result.View, 3));
        Assert.Matches(@"kernel Kernel_Scale, PTX line \d+ 'st.f32.*thread \d+: global address \w+ is in no allocation", error.Message);
        // As on a GPU, nothing works any more.
        Assert.Throws<CudaException>(accelerator.Synchronize);
    }

    [SimulatedLibraryFact]
    public unsafe void ACopyBeyondABufferIsRefused()
    {
        var accelerator = Open();
        using var x = accelerator.Allocate1D(Numbers(1000));
        var host = new float[1001];
        accelerator.Bind();
        fixed (float* to = host)
        {
            Assert.Equal(CudaError.CUDA_ERROR_INVALID_VALUE, CudaAPI.CurrentAPI.MemcpyAsync((nint)to, x.NativePtr, 4004, accelerator.DefaultStream));
            Assert.Equal(CudaError.CUDA_SUCCESS, CudaAPI.CurrentAPI.MemcpyAsync((nint)to, x.NativePtr, 4000, accelerator.DefaultStream));
        }
        Assert.Equal(Numbers(1000), host[..1000]);
    }

    [SimulatedLibraryFact]
    public void AnInstructionThatIsNotKnownIsNamed()
    {
        var accelerator = Open();
        var error = Assert.Throws<CudaException>(() => { accelerator.LoadStreamKernel<ArrayView<int>>(SimulatedKernels.AddAtomically); });
        Assert.Equal(nameof(CudaError.CUDA_ERROR_INVALID_PTX), error.Error);
        Assert.Contains("unknown instruction red.add.u32", error.Message, StringComparison.Ordinal);
    }

    [SimulatedLibraryFact]
    public void MemoryThatIsTooShortIsSaidToBe()
    {
        SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 5000;
        var accelerator = Open();
        Assert.Equal(nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY), Assert.Throws<CudaException>(() => { accelerator.Allocate1D<float>(1251); }).Error);
        // Nothing is lost by the attempt.
        accelerator.Allocate1D<float>(1250).Dispose();
    }

    [SimulatedLibraryFact]
    public void DevicesHaveMemoriesOfTheirOwn()
    {
        SimulatedGpu.Devices = 2;
        SimulatedGpu.SmallerMemory[1] = 5000;
        var (used, before) = (SimulatedGpu.Memory.UsedBy(0), SimulatedGpu.Memory.UsedBy(1));
        CudaAccelerator first = Open(0), second = Open(1);
        Assert.Equal((SimulatedGpu.MemoryBytes, 5000), (first.MemorySize, second.MemorySize));
        float[] x = Numbers(1000), y = [.. x.Reverse()];
        using var onFirst = first.Allocate1D(x);
        using var onSecond = second.Allocate1D(y);
        Assert.Equal((4000, 4000), (SimulatedGpu.Memory.UsedBy(0) - used, SimulatedGpu.Memory.UsedBy(1) - before));
        Assert.Equal(nameof(CudaError.CUDA_ERROR_OUT_OF_MEMORY), Assert.Throws<CudaException>(() => { second.Allocate1D<float>(1000); }).Error);
        using var more = first.Allocate1D<float>(1000);
        first.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, float>(SimulatedKernels.Scale)(1000, onFirst.View, more.View, 2);
        second.LoadAutoGroupedStreamKernel<Index1D, ArrayView<float>, ArrayView<float>, float>(SimulatedKernels.Scale)(1000, onSecond.View, onSecond.View, 5);
        Assert.Equal(x.Select(v => v * 2), more.GetAsArray1D());
        Assert.Equal(y.Select(v => v * 5), onSecond.GetAsArray1D());
    }
}
