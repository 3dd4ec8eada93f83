using System.Xml.Linq;
using Faith.Engine.Reports;
using Xunit;

namespace Faith.Engine.Tests.Reports;

public sealed class CurvePlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    private static XDocument Draw(CurvePlot plot)
    {
        var text = plot.ToSvg();
        Assert.DoesNotContain("NaN", text);
        Assert.DoesNotContain("∞", text);
        Assert.Equal(text, plot.ToSvg());
        return XDocument.Parse(text);
    }

    private static XElement[] Lines(XDocument svg) => [.. svg.Descendants(Svg + "g").Where(g => (string?)g.Attribute("class") == "series").Elements(Svg + "path").Where(p => (string?)p.Attribute("fill") == "none")];

    [Fact]
    public void EverySeriesIsDrawnAndNamed()
    {
        var plot = new CurvePlot
        {
            Title = "A <title> & more",
            Series = [.. Enumerable.Range(0, 9).Select(i => new PlotSeries($"line \"{i}\"", [10, 100, 1000], [i, i + 1, i + 2], [i - 1, i, i + 1], [i + 1, i + 2, i + 3]))],
            Levels = [(1, "whole model")],
        };
        foreach (var logarithmic in new[] { true, false })
        {
            var svg = Draw(plot with { LogarithmicX = logarithmic });
            Assert.Equal("A <title> & more", svg.Root!.Element(Svg + "title")!.Value);
            Assert.Equal(9, Lines(svg).Length);
            Assert.Equal(9, svg.Descendants().Count(e => (string?)e.Attribute("class") == "band"));
            foreach (var name in plot.Series.Select(s => s.Name).Append("whole model").Append("edges").Append("normalised faithfulness")) Assert.Contains(svg.Descendants(Svg + "text"), t => t.Value == name);
        }
    }

    [Fact]
    public void WhatCannotBeShownLeavesAGap()
    {
        var plot = new CurvePlot { Title = "t", Series = [new("s", [0, 1, 10, 100, 1000], [0, 1, double.NaN, 3, double.PositiveInfinity])] };
        Assert.Equal(2, Lines(Draw(plot)).Length);
        Assert.Contains("L", (string?)Lines(Draw(plot with { LogarithmicX = false }))[0].Attribute("d"));
    }

    [Fact]
    public void NothingAndLittleAreDrawnToo()
    {
        Draw(new CurvePlot { Title = "", Series = [] });
        Draw(new CurvePlot { Title = "t", Series = [new("empty", [], [])], Levels = [(double.NaN, "none")] });
        foreach (var y in new[] { 0, 5, -1e-30, 1e300 }) Draw(new CurvePlot { Title = "t", Series = [new("point", [5], [y])] });
        Draw(new CurvePlot { Title = "t", LogarithmicX = false, Series = [new("flat", [0, 1e9], [2, 2])] });
    }

    [Fact]
    public void UnequalLengthsAreRefused() =>
        Assert.Throws<ArgumentException>(() => new CurvePlot { Title = "t", Series = [new("s", [1, 2], [1])] }.ToSvg());

    [Theory]
    [InlineData(0, 1)]
    [InlineData(-3, 250)]
    [InlineData(0.1, 0.11)]
    [InlineData(-1e-6, 1e-6)]
    [InlineData(0, 32491)]
    public void LinearTicksAreFewRoundAndInside(double low, double high)
    {
        var axis = new PlotAxis([low, high], 0, 500, logarithmic: false, margin: 0.05);
        var ticks = axis.Ticks().ToArray();
        Assert.InRange(ticks.Length, 4, 12);
        Assert.All(ticks, t => Assert.InRange(axis.At(t.Value), -1e-6, 500 + 1e-6));
        Assert.All(ticks, t => Assert.InRange(t.Label.Length, 1, 9));
        Assert.Equal(ticks.Length, ticks.Select(t => t.Label).Distinct().Count());
    }

    [Fact]
    public void LogarithmicTicksAreOneTwoFive()
    {
        var axis = new PlotAxis([30, 32491], 0, 500, logarithmic: true, margin: 0);
        Assert.Equal(["50", "100", "200", "500", "1,000", "2,000", "5,000", "10,000", "20,000"], axis.Ticks().Select(t => t.Label).Where(l => l.Length > 0));
        Assert.Equal(0, axis.At(30), 6);
        Assert.Equal(500, axis.At(32491), 6);
        var wide = new PlotAxis([1e-9, 1e9], 0, 500, logarithmic: true, margin: 0).Ticks().Count(t => t.Label.Length > 0);
        Assert.InRange(wide, 5, 9);
    }
}
