using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>Sequences that are written down, built as graphs and replayed.</summary>
[Collection("cuda")]
public sealed class CudaGraphTests(CudaFixture fixture)
{
    [Fact]
    public void ASequenceIsLaunchedThenBuiltThenUpdated()
    {
        using var device = Open();
        using var arena = new DeviceArena(device);
        var (x, y) = (arena.Put([1, 2, 3], 1, 3), arena.Put([0, 0, 0], 1, 3));
        void Step(float scale) => device.Repeatable(() =>
        {
            for (var i = 0; i < 4; i++)
                device.AddScaled(x, i == 2 ? scale : 1, y);
            device.Fill(x, scale);
        });
        SimulatedGpu.Reset();
        Step(1);
        Assert.Equal((5, 0, 0, 0), Calls());
        Assert.Equal([4, 8, 12], arena.Get(y));
        Step(1);
        Assert.Equal((5, 1, 1, 0), Calls());
        Assert.Equal([8, 12, 16], arena.Get(y));
        Step(1);
        Assert.Equal((5, 2, 1, 0), Calls());
        Step(10);
        // Two constants differ.
        Assert.Equal((5, 3, 1, 2), Calls());
        Assert.Equal([25, 29, 33], arena.Get(y));
        Step(10);
        Assert.Equal((5, 4, 1, 2), Calls());
        Assert.Equal([155, 159, 163], arena.Get(y));
        Assert.Equal(25, SimulatedGpu.Launched.Count);
    }

    [Fact]
    public void OtherOperandsOfOtherSizesAreTheSameSequence()
    {
        using var device = Open();
        using var arena = new DeviceArena(device);
        SimulatedGpu.Reset();
        foreach (var rows in (int[])[3, 70, 1, 2000])
        {
            var (x, y) = (arena.Put([.. Enumerable.Range(0, rows).Select(i => (float)i)], rows, 1), arena.New(rows, 1));
            device.Repeatable(() =>
            {
                device.Copy(x, y);
                device.AddScaled(x, 2, y);
                device.AddScaled(x, 3, y);
                device.AddScaled(y, 1, x);
            });
            Assert.Equal(Enumerable.Range(0, rows).Select(i => 6f * i), arena.Get(y));
            Assert.Equal(Enumerable.Range(0, rows).Select(i => 7f * i), arena.Get(x));
        }
        Assert.Equal((4, 3, 1, 8), Calls());
    }

    [Fact]
    public void AContractionHasTheSameBitsWithAndWithoutReplay()
    {
        float[] Scores(bool replay)
        {
            using var device = Open(replay);
            using var arena = new DeviceArena(device);
            var setup = new ContractionSetup(new(device, arena, 2), [3, 2], 2, heads: 2, headDim: 4, group: 1, steps: 2, centred: true, parallel: false);
            var before = setup.Scores();
            for (var i = 0; i < 3; i++)
            {
                device.Upload(before, setup.Contraction.Scores);
                device.Repeatable(() => device.ContractScores(setup.Contraction));
            }
            Assert.Equal(replay ? 2 : 0, SimulatedGpu.GraphLaunches);
            return setup.Scores();
        }
        Assert.Equal(Scores(replay: false), Scores(replay: true));
    }

    [Fact]
    public void MemoryThatMovesMovesInTheGraph()
    {
        using var device = Open();
        using var arena = new DeviceArena(device);
        float[] Contract(params int[] lengths)
        {
            var setup = new ContractionSetup(new(device, arena, 11), lengths, 1, heads: 2, headDim: 4, group: 1, steps: 2, centred: true, parallel: false);
            device.Repeatable(() => device.ContractScores(setup.Contraction));
            return setup.Scores();
        }
        var small = Contract(2);
        Assert.Equal(small, Contract(2));
        // The working memory of the kept graph is too small for this one, and freed: addresses in it would be out of bounds.
        var large = Contract(9, 9);
        Assert.Equal(small, Contract(2));
        Assert.Equal(large, Contract(9, 9));
        Assert.Null(SimulatedGpu.Fault);
        Assert.InRange(SimulatedGpu.GraphLaunches, 3, 4);
    }

    [Fact]
    public void MemoryMayGrowInTheMiddleOfASequence()
    {
        float[][] Gradients(bool replay)
        {
            using var device = Open(replay);
            using var arena = new DeviceArena(device);
            var context = new OpContext(device, arena, 4);
            const int headDim = 8;
            var (operations, outputs) = (new List<Action>(), new List<Tensor>());
            void Backward(params int[] lengths)
            {
                var none = new int[lengths.Length];
                var layout = arena.Prepare(new Ragged(lengths, none, none, false));
                Tensor New() => context.Random(layout.Rows, headDim).Device;
                var (q, k, v, y, normalizers, dy) = (New(), New(), New(), New(), arena.Put(context.Values(2 * layout.Rows), layout.Rows, 2), New());
                var (dq, dk, dv) = (arena.New(layout.Rows, headDim), arena.New(layout.Rows, headDim), arena.New(layout.Rows, headDim));
                outputs.Add(dq);
                operations.Add(() => device.Fill(dq, 0));
                operations.Add(() =>
                    device.AttentionBackward(layout, new(1, headDim, 1, 1, 0.3f), q, k, v, default, default, y, normalizers, dy, dq, dk, dv));
            }
            Backward(2);
            Backward(3, 30);
            device.Repeatable(() => operations.ForEach(operation => operation()));
            return [.. outputs.Select(arena.Get)];
        }
        Assert.Equal(Gradients(replay: false), Gradients(replay: true));
    }

    [Fact]
    public void AChangeThatIsForgottenIsNoticed()
    {
        using var device = Open();
        using var arena = new DeviceArena(device);
        var y = arena.Put([0], 1, 1);
        void Step(float value) => device.Repeatable(() =>
        {
            for (var i = 0; i < 4; i++)
                device.Fill(y, value + i);
        });
        Step(1);
        Step(1);
        SimulatedGpu.IgnoreNodeUpdates = true;
        Step(2);
        Assert.Equal([4], arena.Get(y));
        SimulatedGpu.Reset();
    }

    [Fact]
    public void TheOldestOfManySequencesIsForgotten()
    {
        using var device = Open();
        using var arena = new DeviceArena(device);
        var y = arena.Put([0], 1, 1);
        // n operations are another sequence than n + 1.
        void Sequence(int n) => device.Repeatable(() =>
        {
            for (var i = 0; i < n; i++)
                device.Fill(y, i);
        });
        var handles = SimulatedGpu.LiveHandles;
        for (var round = 0; round < 2; round++)
            for (var n = 4; n < 40; n++)
                for (var twice = 0; twice < 2; twice++)
                {
                    Sequence(n);
                    Assert.Equal([n - 1], arena.Get(y));
                }
        Assert.Equal(2 * 36, SimulatedGpu.GraphsBuilt);
        // Of the last 32: an executable, a graph and its nodes.
        Assert.Equal(32 * 2 + Enumerable.Range(8, 32).Sum(), SimulatedGpu.LiveHandles - handles);
        Sequence(39);
        Assert.Equal(2 * 36 + 1, SimulatedGpu.GraphLaunches);
    }

    [Fact]
    public void WhatWaitsIsRefusedInASequence()
    {
        using var device = Open();
        using var arena = new DeviceArena(device);
        var x = arena.New(1, 3);
        foreach (var (name, call) in new (string, Action)[]
        {
            ("Download", () => arena.Get(x)), ("Upload", () => device.Upload([1f, 2, 3], x)), ("Allocate", () => device.Allocate(4)),
            ("Synchronize", device.Synchronize), ("Mark", () => device.Mark()), ("Repeatable", () => device.Repeatable(() => { })),
            ("CreateWeights", () => device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false))),
        })
        {
            var error = Assert.Throws<InvalidOperationException>(() => device.Repeatable(() =>
            {
                device.Fill(x, 7);
                call();
            }));
            Assert.StartsWith($"{name} cannot be part of a repeatable sequence", error.Message, StringComparison.Ordinal);
        }
        // Nothing of them was issued, and the device works on.
        Assert.DoesNotContain("fill", SimulatedGpu.Launched);
        device.Fill(x, 1);
        Assert.Equal([1, 1, 1], arena.Get(x));
    }

    [Fact]
    public void GraphsAreFreedWithTheDevice()
    {
        SimulatedGpu.Reset();
        var handles = SimulatedGpu.LiveHandles;
        using (var device = Open())
        using (var arena = new DeviceArena(device))
        {
            var y = arena.Put([0], 1, 1);
            for (var i = 0; i < 2; i++)
                device.Repeatable(() =>
                {
                    for (var n = 0; n < 4; n++)
                        device.Fill(y, n);
                });
            Assert.Equal(1, SimulatedGpu.GraphsBuilt);
        }
        Assert.Equal(handles, SimulatedGpu.LiveHandles);
    }

    [Fact]
    public void MarksTimeWithoutWaiting()
    {
        using var device = Open();
        var waits = SimulatedGpu.Waits;
        using var start = device.Mark();
        Thread.Sleep(20);
        using var end = device.Mark();
        Assert.InRange(end.SecondsSince(start), 0.015, 10);
        Assert.Equal(waits, SimulatedGpu.Waits);
    }

    [Fact]
    public void AnotherGridIsAnotherLaunchOfTheSameKernels()
    {
        var (a, b) = (new LaunchList(), new LaunchList());
        a.Add(new("copy", 1, 2, 1, 1, 256, 4), [1, 2, 3, 4]);
        b.Add(new("copy", 1, 3, 1, 1, 256, 4), [1, 2, 3, 4]);
        Assert.True(a.HasKernelsOf(b));
        Assert.False(a.IsSame(0, b));
        a.Replace(0, b);
        Assert.True(a.IsSame(0, b));
    }

    private static (int Launches, int Graphs, int Built, int Updates) Calls() =>
        (SimulatedGpu.KernelLaunches, SimulatedGpu.GraphLaunches, SimulatedGpu.GraphsBuilt, SimulatedGpu.NodeUpdates);

    private CudaDevice Open(bool replay = true)
    {
        SimulatedGpu.Reset();
        return new(fixture.Driver, CudaDevices.Probe(fixture.Driver).Devices[0]) { ReplaysSequences = replay };
    }
}
