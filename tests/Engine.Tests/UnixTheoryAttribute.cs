using Xunit;

namespace Faith.Engine.Tests;

/// <summary>A theory about pipes and devices in the file system, and skipped with a message on Windows, which has none.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class UnixTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that needs named pipes and device files.</summary>
    public UnixTheoryAttribute()
    {
        if (OperatingSystem.IsWindows()) Skip = "Windows has no named pipes and devices among its files";
    }
}
