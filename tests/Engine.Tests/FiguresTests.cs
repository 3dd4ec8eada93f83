using Xunit;

namespace Faith.Engine.Tests;

/// <summary>No −0, no NaN, a point everywhere.</summary>
public sealed class FiguresTests
{
    [Fact]
    public void ZeroHasNoSign()
    {
        Assert.Equal("0.0000", Figures.Fixed(-0.00001));
        Assert.Equal("0.0000", Figures.Fixed(-0.0));
        Assert.Equal("0", Figures.Fixed(-0.4, 0));
        Assert.Equal("0%", Figures.Percent(-0.004));
        Assert.Equal("0.0%", Figures.Percent(-0.0, 1));
        Assert.Equal("0", Figures.Exact(-0.0));
        Assert.Equal("0", Figures.Short(-0.0));
        Assert.False(double.IsNegative(Figures.WithoutMinusZero(-0.0)));
    }

    [Fact]
    public void OtherNumbersKeepTheirs()
    {
        Assert.Equal("-0.0001", Figures.Fixed(-0.0001));
        Assert.Equal("0.35", Figures.Fixed(0.35, 2));
        Assert.Equal("-1.5%", Figures.Percent(-0.015, 1));
        Assert.Equal("100%", Figures.Percent(0.999));
        Assert.Equal("-5E-324", Figures.Exact(-double.Epsilon));
        Assert.Equal("-4.123E+11", Figures.Fixed(-4.123e11));
    }

    [Fact]
    public void WhatIsNoNumberIsADash()
    {
        foreach (var value in (double[])[double.NaN, double.PositiveInfinity, double.NegativeInfinity])
        {
            Assert.Equal("–", Figures.Fixed(value));
            Assert.Equal("–", Figures.Percent(value));
            Assert.Equal("–", Figures.Short(value));
        }
    }
}
