using Faith.Kernels.Gpu;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>A theory that needs a device of OpenCL, and skipped with the reason where there is none; on machines without a GPU it is PoCL, which compiles the kernels for the CPU.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OpenClTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that runs something by OpenCL.</summary>
    public OpenClTheoryAttribute()
    {
        if (!OpenClFactAttribute.Probe.Available) Skip = OpenClFactAttribute.Probe.Reason;
    }
}
