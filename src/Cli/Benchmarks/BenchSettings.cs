using Faith.Engine.Attribution;
using Faith.Engine.Models;
using Faith.Kernels;

namespace Faith.Cli.Benchmarks;

/// <summary>What a benchmark runs.</summary>
internal sealed record BenchSettings
{
    private const int DefaultSteps = 5;

    /// <summary>A name of <see cref="RandomWeights.Shapes"/>.</summary>
    public required string Shape { get; init; }
    /// <summary>Another precision than the shape's own, or null.</summary>
    public required WeightPrecision? Precision { get; init; }
    /// <summary>Another number of layers than the shape's own, or null.</summary>
    public int? Layers { get; init; }
    /// <summary>Method and steps.</summary>
    public required AttributionOptions Options { get; init; }
    /// <summary>Steps of the method, or of one that has steps.</summary>
    public int Steps => AttributionMethods.Find(Options.Method).StepsOf(Options) ?? Options.Steps ?? DefaultSteps;
    /// <summary>Number of examples.</summary>
    public required int Examples { get; init; }
    /// <summary>Tokens of each.</summary>
    public required int Tokens { get; init; }
    /// <summary>Rows of a pass, for single operations.</summary>
    public int Rows { get; init; }
    /// <summary>Share of the prompt before the first token that differs.</summary>
    public required double FirstDifference { get; init; }
    /// <summary>Timed runs.</summary>
    public required int Runs { get; init; }

    /// <summary>The random model.</summary>
    public ModelWeights Weights() => RandomWeights.Create(Shape, Precision, Layers);
}
