using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>A theory that needs a device of OpenCL; on machines without a GPU it is PoCL, which compiles the kernels for the CPU.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OpenClTheoryAttribute : TheoryAttribute
{
    public OpenClTheoryAttribute()
    {
        if (!OpenClFixture.Probe.Available) Skip = OpenClFixture.Probe.Reason;
    }
}

/// <summary>A fact that needs one.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class OpenClFactAttribute : FactAttribute
{
    public OpenClFactAttribute()
    {
        if (!OpenClFixture.Probe.Available) Skip = OpenClFixture.Probe.Reason;
    }
}

/// <summary>A device of OpenCL.</summary>
public sealed class OpenClFixture : IDisposable
{
    private readonly Lazy<GpuDevice> device = new(() => GpuDevices.Open(Probe.Devices.First(d => d.Usable)));

    internal static GpuProbe Probe { get; } = GpuDevices.Probe(GpuKind.OpenCl);

    public GpuDevice Device => device.Value;

    public void Dispose()
    {
        if (device.IsValueCreated) device.Value.Dispose();
    }
}

/// <summary>
/// The table of cases on a device of OpenCL: the GPU's kernels as compiled code, with the bits that PTX has in the interpreter, since every sum and product is rounded
/// alike and no function is left to the device.
/// </summary>
[Collection("cuda")]
public sealed class OpenClTests(OpenClFixture fixture, SimulatedFixture simulated) : IClassFixture<OpenClFixture>
{
    public static TheoryData<string> Operations => [.. OpCases.All.Select(c => c.Op).Distinct()];

    [OpenClTheory]
    [MemberData(nameof(Operations))]
    public void AgreesWithTheReferenceAndInEveryBitWithPtx(string op)
    {
        SimulatedGpu.Reset();
        foreach (var item in Cases.All.Where(c => c.Op == op))
            foreach (var aligned in (bool[])[false, true])
                Cases.AssertSame(Cases.Results(simulated.Device, item, aligned: aligned, compare: false), Cases.Results(fixture.Device, item, aligned: aligned), $"{item}, beside PTX");
    }

    [OpenClFact]
    public void TheTextOfAKernelDoesNotDependOnThoseCompiledBefore() => GpuDeviceTests.AssertSameTexts(() => GpuDevices.Open(OpenClFixture.Probe.Devices.First(d => d.Usable)));

    [OpenClTheory]
    [MemberData(nameof(Operations))]
    public void ARowDoesNotDependOnItsNeighbours(string op)
    {
        foreach (var item in Cases.All.Where(c => c.Op == op && c.BatchRows > 1))
        {
            var row = item.BatchRows / 2;
            Cases.AssertSame(Cases.OfRow(Cases.Results(fixture.Device, item, compare: false), item, row), Cases.Results(fixture.Device, item, row, compare: false), $"{item}, row {row} alone");
        }
    }
}
