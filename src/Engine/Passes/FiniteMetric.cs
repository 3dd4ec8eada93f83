using Faith.Engine.Data;

namespace Faith.Engine.Passes;

/// <summary>Refuses metrics that are not finite: weights can be finite and what the model makes of them not, and then nothing that is measured means anything.</summary>
internal static class FiniteMetric
{
    /// <summary>What is wrong with such a model, and what would be right.</summary>
    public const string Overflow = "the model's activations overflow single precision; check that config.json and the weights are of one model";

    /// <summary>Checks the values of consecutive examples of <paramref name="data"/>, from number <paramref name="first"/> on.</summary>
    /// <exception cref="InputException">A value is not finite; the message says whose.</exception>
    public static void Check(IReadOnlyList<Example> data, int first, ReadOnlySpan<double> values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            if (!double.IsFinite(values[i])) throw new InputException($"example {ExamplePart.NumberOf(data, first + i)}: the metric is {values[i]}: {Overflow}");
        }
    }
}
