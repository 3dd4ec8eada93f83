using Faith.Engine.Circuits;

namespace Faith.Engine.Experiments;

/// <summary>Normalised faithfulness in words, the same in every command.</summary>
public static class FaithfulnessText
{
    /// <summary>The number, or "not defined" with the reason.</summary>
    public static string Of(Faithfulness result) => result.Undefined is null ? Figures.Fixed(result.Normalised) : $"not defined: {result.Undefined}";

    /// <summary>Nothing, or that faithfulness is not defined, at the end of a sentence.</summary>
    public static string IfUndefined(Faithfulness result) => result.Undefined is null ? "" : $"; faithfulness {Of(result)}";
}
