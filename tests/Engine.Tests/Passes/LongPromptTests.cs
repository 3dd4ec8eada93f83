using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;

namespace Faith.Engine.Tests.Passes;

/// <summary>Models whose rotary angles depend on the length of a prompt: each prompt has its own, whatever runs beside it.</summary>
public sealed class LongPromptTests
{
    private const int Original = 5;

    private static ModelWeights Weights() => Scoring.Models["longrope, some prompts long"]();

    [Theory]
    [InlineData("eap-ig")]
    [InlineData("exact")]
    public void ALongAndAShortPromptShareNoPrefix(string method)
    {
        using var weights = Weights();
        // The first four tokens of both are the same, but not their keys.
        Example[] data =
        [
            new([7, 1, 9, 4, 3], [7, 1, 9, 4, 8], [1], [2]),
            new([7, 1, 9, 4, 3, 6], [7, 1, 9, 4, 8, 6], [3], [4]),
            new([7, 1, 9, 4, 2, 6], [7, 1, 9, 4, 8, 6], [3], [4]),
        ];
        var options = new AttributionOptions { Method = method, Steps = 3 };
        Scoring.Compare(weights, data, options, method == "exact" ? OracleMethod.Exact : OracleMethod.EapIg);
        Assert.Equal([4, 4], new Batch(weights.Config, data, sharePrefixes: true).UniquePrefixLengths);
        Scoring.CheckBits(weights, data, options);
    }

    [Fact]
    public void AngleRowsTellLongPromptsFromShortOnes()
    {
        using var weights = Weights();
        Assert.Equal(Original, weights.Config.LongBeyond);
        var batch = new Batch(weights.Config, [new([1, 2, 3], [1, 2, 4], [], []), new([1, 2, 3, 4, 5, 6], [1, 2, 3, 4, 5, 7], [], [])], sharePrefixes: false);
        Assert.Equal([0, 2, 4, 1, 3, 5, 7, 9, 11], batch.AngleRows);
        Assert.Equal([0, 1, 2, 0, 1, 2, 3, 4, 5], batch.Positions);
    }

    [Fact]
    public void LogitsChangeWhereAPromptBecomesLong()
    {
        using var weights = Weights();
        using var device = new HostDevice(1);
        using var model = new Transformer(device, weights);
        foreach (var length in new[] { Original, Original + 1, 20, Original })
        {
            int[] prompt = [.. Enumerable.Range(1, length)];
            Close.Check(new LiteralModel(weights).Run(prompt).LastLogits, Array.ConvertAll(TextGenerator.LastLogits(model, prompt), x => (double)x), 1e-5, $"{length} tokens");
        }
    }
}
