using Faith.Engine.Circuits;
using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Circuits;

public sealed class CurveAreasTests
{
    [Fact]
    public void APerfectCurveHasItsWidthAsCprAndNoDistance()
    {
        var ones = Enumerable.Repeat(1.0, 10).ToArray();
        var linear = CurveAreas.Under(CurveAreas.MibFractions, ones);
        Assert.Equal(0.999, linear.Cpr, 12);
        Assert.Equal(0, linear.Cmd);
        Assert.Equal(Math.Log(1000), CurveAreas.Under(CurveAreas.MibFractions, ones, logarithmic: true).Cpr, 12);
    }

    [Fact]
    public void AreasAreTrapezoids()
    {
        var linear = CurveAreas.Under([0, 0.5, 1], [0, 2, 1]);
        Assert.Equal(0.5 * 1 + 0.5 * 1.5, linear.Cpr, 12);
        // |1 − f| is taken at the points, as the benchmark does.
        Assert.Equal(0.5 * 1 + 0.5 * 0.5, linear.Cmd, 12);
        var log = CurveAreas.Under([0.01, 0.1, 1], [0, 0.5, 1], logarithmic: true);
        Assert.Equal(Math.Log(10) * (0.25 + 0.75), log.Cpr, 12);
        Assert.Equal(Math.Log(10) * (0.75 + 0.25), log.Cmd, 12);
    }

    [Fact]
    public void FractionsStandForWholeEdges()
    {
        var graph = new ModelGraph(12, 12);
        Assert.Equal([32, 64, 162, 324, 649, 1624, 3249, 6498, 16245, 32491], CurveAreas.MibFractions.Select(f => CurveAreas.CountOf(graph.Edges, f)));
        Assert.Throws<ArgumentOutOfRangeException>(() => CurveAreas.CountOf(graph.Edges, 1.1));
    }

    [Fact]
    public void WrongAxesAreRefused()
    {
        Assert.Throws<ArgumentException>(() => CurveAreas.Under([0.1], [1, 2]));
        Assert.Throws<ArgumentException>(() => CurveAreas.Under([0.2, 0.1], [1, 2]));
        Assert.Throws<ArgumentException>(() => CurveAreas.Under([0, 0.1], [1, 2], logarithmic: true));
        Assert.Equal(default, CurveAreas.Under([0.1], [1]));
        Assert.All((double[][])[[], [0.1]], fractions => Assert.Throws<ArgumentException>(() => CurveAreas.AccuracyOf(fractions, fractions)));
    }
}
