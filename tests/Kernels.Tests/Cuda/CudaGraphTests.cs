using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

[Collection("cuda")]
public sealed class CudaGraphTests(CudaFixture fixture)
{
    [Fact]
    public void AReplayDoesWhatWasRecordedWithWhatStandsThereNow()
    {
        SimulatedGpu.Reset();
        var device = fixture.Device;
        using var arena = new DeviceArena(device);
        var x = arena.Put([1, 2, 3], 1, 3);
        var y = arena.Put([0, 0, 0], 1, 3);
        using var graph = device.Capture(() =>
        {
            device.AddScaled(x, 2, y);
            device.AddScaled(y, 1, x);
        });
        Assert.Equal([0, 0, 0], arena.Get(y));
        graph.Replay();
        Assert.Equal([2, 4, 6], arena.Get(y));
        graph.Replay();
        Assert.Equal([8, 16, 24], arena.Get(y));
        Assert.Equal(["add_scaled", "add_scaled", "add_scaled", "add_scaled"], SimulatedGpu.Launched);
    }

    [Fact]
    public void AReplayGivesTheBitsOfTheLaunches()
    {
        SimulatedGpu.Reset();
        var device = fixture.Device;
        using var arena = new DeviceArena(device);
        var setup = new ContractionSetup(new(device, arena, 2), [3, 2], 2, heads: 2, headDim: 4, group: 1, steps: 2, centred: true,
            parallel: false);
        var before = setup.Scores();
        device.ContractScores(setup.Contraction);
        var launched = setup.Scores();
        device.Upload(System.Runtime.InteropServices.MemoryMarshal.AsBytes(before.AsSpan()), setup.Contraction.Scores.Pointer);
        using var graph = device.Capture(() => device.ContractScores(setup.Contraction));
        graph.Replay();
        Assert.Equal(launched, setup.Scores());
    }

    [Fact]
    public void CopiesAndAllocationsAreRefusedWhileRecording()
    {
        SimulatedGpu.Reset();
        var device = fixture.Device;
        using var arena = new DeviceArena(device);
        var x = arena.New(1, 3);
        Assert.Contains("Download cannot be captured", Assert.Throws<InvalidOperationException>(() =>
            device.Capture(() => arena.Get(x))).Message, StringComparison.Ordinal);
        Assert.Throws<InvalidOperationException>(() => device.Capture(() => device.Allocate(4)));
        Assert.Throws<InvalidOperationException>(() => device.Capture(device.Synchronize));
        // The device works on.
        device.Fill(x, 1);
        Assert.Equal([1, 1, 1], arena.Get(x));
    }

    [Fact]
    public void TimeIsMeasured()
    {
        SimulatedGpu.Reset();
        using var arena = new DeviceArena(fixture.Device);
        var x = arena.New(1, 3);
        Assert.True(fixture.Device.Measure(() => fixture.Device.Fill(x, 1)) >= 0);
    }
}
