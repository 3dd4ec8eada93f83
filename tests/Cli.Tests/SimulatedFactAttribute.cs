using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>A fact about simulated GPUs, and skipped with a message where their driver cannot be loaded.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class SimulatedFactAttribute : FactAttribute
{
    /// <summary>A fact that needs the simulated driver.</summary>
    public SimulatedFactAttribute()
    {
        if (!SimulatedLibrary.IsSupported) Skip = "the simulated driver is a library for Linux on x64";
    }
}
