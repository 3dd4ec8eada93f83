using Faith.Engine.Tasks;
using Xunit;

namespace Faith.Engine.Tests.Tasks;

public sealed class ShuffleTests
{
    [Fact]
    public void Every_number_below_the_size_comes_once()
    {
        for (var size = 1; size <= 260; size++)
        {
            var order = new Shuffle(size, (ulong)size);
            Assert.Equal(Enumerable.Range(0, size), Enumerable.Range(0, size).Select(place => (int)order[place]).Order());
        }
    }

    [Fact]
    public void Seeds_give_different_orders()
    {
        Shuffle one = new(1000, 1), two = new(1000, 2);

        // Two random orders agree at one place on average.
        Assert.InRange(Enumerable.Range(0, 1000).Count(place => one[place] == two[place]), 0, 12);
    }

    [Fact]
    public void SplitMix64_gives_its_published_sequence()
    {
        var random = new SplitMix64(1234567);

        Assert.Equal(
            [6457827717110365317UL, 3203168211198807973UL, 9817491932198370423UL, 4593380528125082431UL, 16408922859458223821UL],
            Enumerable.Range(0, 5).Select(_ => random.Next()));
    }
}
