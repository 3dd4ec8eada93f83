using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.EntryPoints;
using ILGPU.Backends.PTX;
using ILGPU.Runtime.Cuda;

namespace Faith.Kernels.Gpu;

/// <summary>The kernels as PTX, which needs no GPU: for NVIDIA's assembler, and for whoever wants to read them.</summary>
public static class GpuPtx
{
    /// <summary>Every kernel's name and PTX, of the version that ILGPU writes for compute capability 8.0.</summary>
    /// <exception cref="GpuKernelException">ILGPU cannot compile one.</exception>
    public static IEnumerable<(string Name, string Ptx)> All()
    {
        GpuLibraries.Install();
        using var context = GpuDevices.NewContext();
        using var backend = new PTXBackend(context, new CudaArchitecture(8, 0), CudaInstructionSet.ISA_70, null!);
        foreach (var kernel in GpuKernel.All) yield return (kernel.Name, Compile(context, backend, kernel).PTXAssembly);
    }

    private static PTXCompiledKernel Compile(Context context, PTXBackend backend, GpuKernel kernel)
    {
        try
        {
            return (PTXCompiledKernel)StableText.Of(context, () => backend.Compile(EntryPointDescription.FromExplicitlyGroupedKernel(kernel.Method), kernel.Specialization(cuda: true, kernel.Threads)));
        }
        catch (Exception e) when (GpuKernelException.Means(e))
        {
            throw new GpuKernelException("PTX", kernel.Name, e);
        }
    }
}
