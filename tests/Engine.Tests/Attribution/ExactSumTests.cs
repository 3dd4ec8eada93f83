using Faith.Engine.Attribution;
using Xunit;

namespace Faith.Engine.Tests.Attribution;

public class ExactSumTests
{
    [Fact]
    public void TheOrderDoesNotMatterAcrossManyMagnitudes()
    {
        var random = new Random(1);
        var terms = Enumerable.Range(0, 1000).Select(_ => (random.NextDouble() - 0.5) * Math.Pow(10, random.Next(-12, 26))).ToArray();
        var expected = Sum(terms);
        Assert.Equal(expected, Sum([.. terms.Reverse()]));
        Assert.Equal(expected, Sum([.. terms.OrderBy(Math.Abs)]));
        Assert.Equal(terms.OrderBy(Math.Abs).Sum(), expected, Math.Abs(expected) * 1e-12);
    }

    [Fact]
    public void ATermIsCutToAMultipleOfTheUnit()
    {
        var (random, unit) = (new Random(2), Math.Pow(2, -80));
        double[] values = [0, 1, unit, unit / 2, 1.5 * unit, Math.Pow(2, -16), Math.Pow(2, 39.999), .. Enumerable.Range(0, 2000).Select(_ => random.NextDouble() * Math.Pow(2, random.Next(-90, 40)))];
        foreach (var value in values)
        {
            var expected = (double)(Int128)(value / unit) * unit;
            Assert.Equal(expected, Sum([value]));
            Assert.Equal(-expected, Sum([-value]));
        }
    }

    [Fact]
    public void WhatHasNoRoomIsRefused()
    {
        Assert.Equal(3e29, Sum([1e29, 2e29]), 1e14);
        foreach (var value in new[] { double.NaN, double.PositiveInfinity, 1e31 }) Assert.Throws<InputException>(() => Sum([value]));
    }

    private static double Sum(double[] terms)
    {
        var sum = new ExactSum(2);
        foreach (var term in terms) sum.Add(1, term);
        return sum[1];
    }
}
