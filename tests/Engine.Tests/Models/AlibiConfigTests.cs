using Faith.Engine.Models;
using Faith.Engine.Tests.Oracle;
using Xunit;

namespace Faith.Engine.Tests.Models;

/// <summary>Biases of attention scores: worked by hand, and against the literal definition for many numbers of heads.</summary>
public sealed class AlibiConfigTests
{
    [Theory]
    [InlineData(8, 0, 1, 0.5f)]
    [InlineData(8, 7, 1, 1f / 256)]
    [InlineData(8, 7, 0, 0f)]
    [InlineData(4, 1, 3, 3f / 16)]
    // Heads beyond a power of two: 2^-1 and 2^-3 of eight.
    [InlineData(6, 4, 1, 0.5f)]
    [InlineData(6, 5, 1, 0.125f)]
    // 2^-0.5 is 181/256 in bfloat16, and three times that 2.12109375, between 2.109375 and 2.125.
    [InlineData(16, 0, 1, 0.70703125f)]
    [InlineData(16, 0, 3, 2.125f)]
    // Positions as bfloat16 has them: 257 is as near 256 as 258.
    [InlineData(8, 0, 257, 128f)]
    [InlineData(8, 0, 259, 130f)]
    public void ABiasIsASlopeTimesAPosition(int heads, int head, int position, float expected) => Assert.Equal(expected, new AlibiConfig(heads).Bias(head, position));

    [Fact]
    public void BiasesAreThoseOfTheDefinition()
    {
        foreach (var heads in new[] { 1, 2, 3, 12, 20, 32, 64, 71, 112, 128 })
        {
            var (literal, alibi) = (LiteralAlibi.Of(heads, 1500), new AlibiConfig(heads));
            for (var h = 0; h < heads; h++)
                for (var j = 0; j < 1500; j++) Assert.Equal(literal[h][j], alibi.Bias(h, j));
        }
    }
}
