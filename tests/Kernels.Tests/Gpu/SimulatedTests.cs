using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>The table of cases on the simulated GPU: the kernels as PTX, instruction by instruction, answer to the references of the host's.</summary>
[Collection("cuda")]
public sealed class SimulatedTests(SimulatedFixture fixture)
{
    public static TheoryData<string> Operations => [.. OpCases.All.Select(c => c.Op).Distinct()];

    [Theory]
    [MemberData(nameof(Operations))]
    public void AgreesWithTheReference(string op)
    {
        SimulatedGpu.Reset();
        foreach (var item in Cases.All.Where(c => c.Op == op))
        {
            _ = Cases.Results(fixture.Device, item);
            _ = Cases.Results(fixture.Device, item, aligned: true);
        }
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void ARowDoesNotDependOnItsNeighbours(string op)
    {
        SimulatedGpu.Reset();
        // The middle row of every fourth case: the interpreter is no GPU.
        foreach (var item in Cases.All.Where(c => c.Op == op && c.BatchRows > 1).Where((_, i) => i % 4 == 0))
        {
            var row = item.BatchRows / 2;
            Cases.AssertSame(Cases.OfRow(Cases.Results(fixture.Device, item, compare: false), item, row), Cases.Results(fixture.Device, item, row, compare: false), $"{item}, row {row} alone");
        }
    }

    /// <summary>Blocks may run in any order.</summary>
    [Fact]
    public void TheOrderOfBlocksDoesNotMatter()
    {
        foreach (var item in Cases.All.GroupBy(c => c.Op).SelectMany(cases => cases.Where((_, i) => i % 7 == 3)))
        {
            SimulatedGpu.Reset();
            var forwards = Cases.Results(fixture.Device, item, compare: false);
            SimulatedGpu.ReverseBlocks = true;
            Cases.AssertSame(forwards, Cases.Results(fixture.Device, item, compare: false), $"{item}, blocks from the last to the first");
        }
    }

    /// <summary>A kernel that no case launches would be shown to work by nothing.</summary>
    [Fact]
    public void EveryKernelIsLaunchedByACase()
    {
        SimulatedGpu.Reset();
        using GpuDevice device = SimulatedFixture.Open(), tensor = SimulatedFixture.Open(Products.Tensor);
        SimulatedGpu.OnlyNoteLaunches = true;
        Run(device, Cases.All);
        Run(tensor, Cases.All.Where(c => c.Op == "Multiply"));
        device.MultiplyAdds(new(device.Allocate(1024), 1, 256), 1);
        Assert.Empty(GpuKernel.All.Select(k => k.Name).Except(device.LoadedKernels).Except(tensor.LoadedKernels));
        SimulatedGpu.Reset();
    }

    private static void Run(GpuDevice device, IEnumerable<OpCase> cases)
    {
        foreach (var item in cases)
            foreach (var aligned in (bool[])[false, true])
            {
                using var context = new CaseContext(device, seed: 7, compare: false, aligned: aligned);
                try
                {
                    item.Run(context);
                }
                catch (Xunit.Sdk.XunitException)
                {
                    // Nothing is computed, which some cases notice.
                }
            }
    }

    [Fact]
    public void TheProbeComputesItsChains()
    {
        SimulatedGpu.Reset();
        using var memory = fixture.Device.Allocate(4 * 256);
        var y = new Tensor(memory, 1, 256);
        fixture.Device.MultiplyAdds(y, 3);
        var values = new float[256];
        fixture.Device.Download(y, values);
        for (var t = 0; t < 256; t++)
        {
            double total = 0;
            for (var chain = 0; chain < 8; chain++)
            {
                var x = 0.001 * (t + chain);
                for (var i = 0; i < 3 * 16; i++) x = x * 0.999f + 0.001f;
                total += x;
            }
            Assert.Equal(total, values[t], 1e-5);
        }
    }
}
