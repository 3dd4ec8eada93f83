using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>ILGPU cannot compile a kernel: a fault of this program, or of ILGPU's on a device that nobody has tried.</summary>
/// <param name="device">Where it was to run.</param>
/// <param name="kernel">The kernel's name.</param>
/// <param name="error">What ILGPU threw.</param>
public sealed class GpuKernelException(string device, string kernel, Exception error) : Exception($"{device}: ILGPU cannot compile the kernel {kernel}: {Innermost(error)}", error)
{
    /// <summary>True for what ILGPU throws where it cannot compile.</summary>
    internal static bool Means(Exception error) => error is InternalCompilerException or NotSupportedException;

    // ILGPU's own message says no more than that there was an error.
    private static string Innermost(Exception error)
    {
        while (error.InnerException is { } inner) error = inner;
        return error.Message.ReplaceLineEndings(" ");
    }
}
