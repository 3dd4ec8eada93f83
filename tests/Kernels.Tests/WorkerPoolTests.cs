using Faith.Kernels.Host;

namespace Faith.Kernels.Tests;

public sealed class WorkerPoolTests
{
    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(8)]
    public void EveryItemIsDoneOnce(int threads)
    {
        using var pool = new WorkerPool(threads);
        foreach (var count in new[] { 0, 1, 2, 7, 100, 100_000 })
            for (var repeat = 0; repeat < 50; repeat++)
            {
                var seen = new int[count];
                pool.For(count, 1 + repeat % 3, seen, static (in int[] seen, int from, int to, int _) =>
                {
                    for (var i = from; i < to; i++) Interlocked.Increment(ref seen[i]);
                });
                Assert.True(Array.TrueForAll(seen, n => n == 1));
            }
    }

    [Fact]
    public void ThreadsThatTheSystemDoesNotGiveAreAnErrorThatLeavesNone()
    {
        var started = new List<Thread>();
        var error = Assert.Throws<DeviceThreadsException>(() => new WorkerPool(6, thread =>
        {
            if (started.Count == 3) throw new OutOfMemoryException();
            started.Add(thread);
            thread.Start();
        }));
        Assert.Contains("6 threads", error.Message, StringComparison.Ordinal);
        Assert.All(started, thread => Assert.False(thread.IsAlive));
    }

    [Fact]
    public void WorkersWakeAfterAPause()
    {
        using var pool = new WorkerPool(3);
        for (var i = 0; i < 5; i++)
        {
            var sum = new int[1];
            pool.For(30, 1, sum, static (in int[] sum, int from, int to, int _) => Interlocked.Add(ref sum[0], to - from));
            Assert.Equal(30, sum[0]);
            Thread.Sleep(5);
        }
    }

    [Fact]
    public void AnExceptionReachesTheCallerAndThePoolGoesOn()
    {
        using var pool = new WorkerPool(3);
        for (var i = 0; i < 20; i++)
        {
            var error = Assert.Throws<InvalidOperationException>(() => pool.For(50, 1, 17, static (in int bad, int from, int to, int _) =>
            {
                if (from <= bad && bad < to) throw new InvalidOperationException("item 17");
            }));
            Assert.Equal("item 17", error.Message);
            pool.For(5, 1, 0, static (in int _, int _, int _, int _) => { });
        }
    }

    [Fact]
    public void DisposeJoinsAndMayBeRepeated()
    {
        var pool = new WorkerPool(4);
        pool.Dispose();
        pool.Dispose();
    }
}
