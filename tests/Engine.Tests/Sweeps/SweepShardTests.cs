using Faith.Engine.Sweeps;
using Xunit;

namespace Faith.Engine.Tests.Sweeps;

public sealed class SweepShardTests
{
    [Theory]
    [InlineData(12, 1)]
    [InlineData(12, 5)]
    [InlineData(3, 7)]
    public void Parts_make_up_the_whole_in_its_order(int cells, int parts)
    {
        int[] all = [.. Enumerable.Range(0, cells)];
        var shards = Enumerable.Range(0, parts).Select(i => new SweepShard(i, parts).Of(all)).ToArray();
        Assert.Equal(all, shards.SelectMany(s => s));
        Assert.True(shards.Max(s => s.Count) - shards.Min(s => s.Count) <= 1);
        // Counted from 1, the last part is the first.
        Assert.Equal(shards[0], new SweepShard(parts, parts).Of(all));
    }
}
