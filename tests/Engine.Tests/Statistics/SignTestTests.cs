using System.Numerics;
using Faith.Engine.Circuits;
using Faith.Engine.Metrics;
using Faith.Engine.Statistics;
using Xunit;

namespace Faith.Engine.Tests.Statistics;

/// <summary>The sign test against binomial sums in whole numbers, and values of scipy.stats.binomtest(better, better + worse, 0.5, alternative="greater").</summary>
public sealed class SignTestTests
{
    [Theory]
    [InlineData(7, 3, 0.171875)] // (C(10,7) + C(10,8) + C(10,9) + C(10,10)) / 2¹⁰ = 176/1024
    [InlineData(60, 40, 0.02844396682049044)] // scipy
    [InlineData(10, 0, 0.0009765625)] // 2⁻¹⁰
    [InlineData(0, 10, 1)]
    [InlineData(3, 7, 0.9453125)] // 1 − (1 + 10 + 45)/1024
    [InlineData(1, 1, 0.75)]
    public void SmallNumbers(int better, int worse, double p) => Assert.Equal(p, new SignTest(better, worse, Ties: 5).P, p * 1e-13);

    [Theory]
    [InlineData(500, 500)]
    [InlineData(700, 300)]
    [InlineData(300, 700)]
    [InlineData(1000, 24)]
    public void LargeNumbers(int better, int worse)
    {
        var n = better + worse;
        BigInteger term = 1, sum = 0;
        for (var k = 0; k <= n; k++)
        {
            if (k >= better) sum += term;
            term = term * (n - k) / (k + 1);
        }
        var p = Math.Exp(BigInteger.Log(sum) - n * Math.Log(2));
        Assert.Equal(p, new SignTest(better, worse, 0).P, p * 1e-10);
    }

    [Fact]
    public void NumbersBeyondDoubles()
    {
        Assert.True(double.IsNaN(new SignTest(0, 0, 8).P));
        Assert.Equal(0, new SignTest(1_000_000, 0, 0).P);
        Assert.Equal(1, new SignTest(1, 999_999, 0).P, 1e-9);
        Assert.Equal(0.5, new SignTest(500_000, 500_000, 0).P, 1e-3);
    }

    [Fact]
    public void TiesAreDroppedAndADivergenceShouldBeSmall()
    {
        double[] circuit = [1, 2, 3, 4, 0], corrupted = [0, 2, 5, 1, 0];
        var result = new Faithfulness(circuit, [9, 9, 9, 9, 9], corrupted);
        Assert.Equal(new SignTest(2, 1, 2), SignTest.Of(result));
        Assert.Equal(new SignTest(1, 2, 2), SignTest.Of(result with { Metric = MetricKind.KullbackLeibler }));
    }
}
