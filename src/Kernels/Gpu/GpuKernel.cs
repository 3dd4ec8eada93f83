using System.Reflection;
using ILGPU.Runtime;

namespace Faith.Kernels.Gpu;

/// <summary>A kernel: its name and method, and what a launch of it needs to know.</summary>
internal abstract class GpuKernel
{
    private static int s_count;

    private readonly int? blocks;

    private protected GpuKernel(string name, MethodInfo method, int threads, int? blocks, bool cudaOnly)
    {
        (Name, Method, Threads, this.blocks, CudaOnly) = (name, method, threads, blocks, cudaOnly);
        Number = Interlocked.Increment(ref s_count) - 1;
    }

    /// <summary>Name in lists and messages.</summary>
    public string Name { get; }

    /// <summary>The method that ILGPU compiles.</summary>
    public MethodInfo Method { get; }

    /// <summary>Threads of its largest block.</summary>
    public int Threads { get; }

    /// <summary>True where it has instructions of NVIDIA GPUs.</summary>
    public bool CudaOnly { get; }

    /// <summary>Its place in a device's table of loaded kernels.</summary>
    public int Number { get; }

    /// <summary>What the compiler is told. How many blocks a multiprocessor is to hold at least is said to NVIDIA's alone.</summary>
    public KernelSpecialization Specialization(bool cuda, int mostThreads) => new(Math.Min(Threads, mostThreads), cuda ? blocks : null);

    /// <summary>Compiles the kernel for a device, unless it has been.</summary>
    public abstract void Load(GpuDevice device);

    /// <summary>Every kernel there is.</summary>
    public static IReadOnlyList<GpuKernel> All { get; } =
    [
        ElementLoop.Of<Each<FillElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<CopyElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<AddScaledElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<ScaleElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<SubtractElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<MultiplyElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<InterpolateElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<GatherRow<Single32, float>, GatherOperands<float>, float>.Kernel,
        ElementLoop.Of<GatherRow<Brain16, ushort>, GatherOperands<ushort>, float>.Kernel,
        ElementLoop.Of<GatherRow<Half16, ushort>, GatherOperands<ushort>, float>.Kernel,
        ElementLoop.Of<AddGatheredRow<Single32, float>, GatherOperands<float>, float>.Kernel,
        ElementLoop.Of<AddGatheredRow<Brain16, ushort>, GatherOperands<ushort>, float>.Kernel,
        ElementLoop.Of<AddGatheredRow<Half16, ushort>, GatherOperands<ushort>, float>.Kernel,
        ElementLoop.Of<ScatterAddRow, ScatterOperands, float>.Kernel,
        ElementLoop.Of<ActivateElement, ActivationOperands, Pair>.Kernel,
        ElementLoop.Of<GateElement, ActivationOperands, float>.Kernel,
        ElementLoop.Of<GateBackwardElement, ActivationOperands, Pair>.Kernel,
        ElementLoop.Of<RotaryElement, RotaryOperands, Pair>.Kernel,
        ElementLoop.Of<SumOfGroup, GroupOperands, float>.Kernel,
        MixKernel.Kernel,
        NormKernels.Forwards,
        NormKernels.Backwards,
        NormKernels.Differentials,
        .. Gemm.All<Single32, float>(),
        .. Gemm.All<Brain16, ushort>(),
        .. Gemm.All<Half16, ushort>(),
        .. TensorGemm.All<ThreeParts, Single32, float>(),
        .. TensorGemm.All<OnePart, Brain16, ushort>(),
        .. TensorGemm.All<ThreeParts, Half16, ushort>(),
        .. AttentionKernels.Of<NoCap>.All,
        .. AttentionKernels.Of<TanhCap>.All,
        .. AttentionKernels.Of<KeyBias>.All,
        SplitGradientKernel.Kernel,
        ContractionKernels.Centres,
        .. ContractionKernels.Of<Width32, Single32, float>.All,
        .. ContractionKernels.Of<Width40, Single32, float>.All,
        .. ContractionKernels.Of<Width32, Brain16, ushort>.All,
        .. ContractionKernels.Of<Width40, Brain16, ushort>.All,
        .. ContractionKernels.Of<Width32, Half16, ushort>.All,
        .. ContractionKernels.Of<Width40, Half16, ushort>.All,
        ContractionKernels.Reduces,
        ContractionKernels.OfColumn,
        .. SparseLogitsKernels.Of<Single32, float>.All,
        .. SparseLogitsKernels.Of<Brain16, ushort>.All,
        .. SparseLogitsKernels.Of<Half16, ushort>.All,
        ElementLoop.Of<Each<SoftCapElement>, ElementOperands, float>.Kernel,
        ElementLoop.Of<Each<SoftCapBackwardElement>, ElementOperands, float>.Kernel,
        SoftmaxMetricKernel.Kernel,
        DivergenceMetricKernel.Kernel,
        PeakProbeKernel.Kernel,
    ];
}

/// <summary>A kernel with these operands.</summary>
/// <param name="name">Name in lists and messages.</param>
/// <param name="method">The method that ILGPU compiles.</param>
/// <param name="threads">Threads of its largest block.</param>
/// <param name="blocks">Blocks that a multiprocessor is to hold at least, or null where that is left to the compiler.</param>
/// <param name="cudaOnly">True where it has instructions of NVIDIA GPUs.</param>
internal sealed class GpuKernel<P>(string name, Action<P> method, int threads, int? blocks = null, bool cudaOnly = false) : GpuKernel(name, method.Method, threads, blocks, cudaOnly) where P : struct
{
    public Action<P> Body => method;

    public override void Load(GpuDevice device) => device.Loaded(this);
}
