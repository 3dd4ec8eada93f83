namespace Faith.Engine.Models;

/// <summary>Pieces of messages about tensors.</summary>
internal static class Wording
{
    private const int MostDimensions = 8;

    /// <summary>A shape as [2, 3]; no tensor of a model has more than a few dimensions, and the rest is left out.</summary>
    internal static string Shape(IReadOnlyList<long> shape) => "[" + string.Join(", ", shape.Take(MostDimensions)) + (shape.Count > MostDimensions ? $", … {shape.Count} dimensions]" : "]");
}
