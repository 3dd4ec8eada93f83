using Faith.Kernels.Gpu;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>A fact that needs a device of OpenCL, and skipped with the reason where there is none; on machines without a GPU it is PoCL, which compiles the kernels for the CPU.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OpenClFactAttribute : FactAttribute
{
    internal static readonly GpuProbe Probe = GpuDevices.Probe(GpuKind.OpenCl);

    /// <summary>A fact that runs something by OpenCL.</summary>
    public OpenClFactAttribute()
    {
        if (!Probe.Available) Skip = Probe.Reason;
    }
}
