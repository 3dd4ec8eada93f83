using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests;

/// <summary>A theory about simulated GPUs, and skipped with a message where their driver cannot be loaded.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SimulatedTheoryAttribute : TheoryAttribute
{
    /// <summary>A theory that needs the simulated driver.</summary>
    public SimulatedTheoryAttribute()
    {
        if (!SimulatedLibrary.IsSupported) Skip = "the simulated driver is a library for Linux on x64";
    }
}
