using System.Diagnostics;
using Faith.Kernels.Gpu;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>Kernels as C# in ILGPU's CPU accelerator, where a debugger can follow them: a small case of every operation.</summary>
[Collection("cuda")]
public sealed class DebuggerTests
{
    [Fact]
    public void ASmallCaseOfEveryOperationAgreesWithTheReference()
    {
        // ILGPU asserts that views begin within what they are views of. Threads past the last row make others, and read nothing of them.
        TraceListener[] listeners = [.. Trace.Listeners.Cast<TraceListener>()];
        Trace.Listeners.Clear();
        try
        {
            using var device = GpuDevices.OpenForDebugging();
            foreach (var cases in Cases.All.GroupBy(c => c.Op)) _ = Cases.Results(device, cases.Where(c => c.BatchRows > 0).MinBy(c => c.BatchRows) ?? cases.First());
            Assert.True(device.LoadedKernels.Count() > 30, "cases without work");
        }
        finally
        {
            Trace.Listeners.AddRange(listeners);
        }
    }
}
