using System.Reflection;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>Every operation of the device, as the shipped PTX computes it, against formulas in double precision.</summary>
[Collection("cuda")]
public sealed class CudaOpTests(CudaFixture fixture)
{
    public static TheoryData<string> Operations => [.. OpCases.All.Select(c => c.Operation).Distinct()];

    [Theory]
    [MemberData(nameof(Operations))]
    public void MatchesTheFormula(string operation)
    {
        SimulatedGpu.Reset();
        foreach (var test in OpCases.All.Where(c => c.Operation == operation))
        {
            var outcomes = Run(test, reverse: false);
            var reversed = Run(test, reverse: true);
            foreach (var (outcome, again) in outcomes.Zip(reversed))
            {
                Check(test, outcome);
                Assert.True(outcome.Actual.AsSpan().SequenceEqual(again.Actual),
                    $"{test}: {outcome.Name} depends on the order of the blocks");
            }
        }
    }

    [Fact]
    public void EveryOperationHasACase()
    {
        var operations = typeof(Device).GetMethods(BindingFlags.Public | BindingFlags.Instance).Where(m => m.IsAbstract
            && !m.IsSpecialName).Select(m => m.Name).Distinct();
        Assert.Empty(operations.Except(OpCases.All.Select(c => c.Operation)));
    }

    private List<Outcome> Run(OpCase test, bool reverse)
    {
        SimulatedGpu.ReverseBlocks = reverse;
        using var arena = new DeviceArena(fixture.Device);
        try
        {
            return [.. test.Run(new(fixture.Device, arena, seed: 7))];
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{test}: {e.Message}", e);
        }
    }

    private static void Check(OpCase test, Outcome outcome)
    {
        Assert.Equal(outcome.Expected.Length, outcome.Actual.Length);
        for (var i = 0; i < outcome.Actual.Length; i++)
        {
            double actual = outcome.Actual[i], expected = outcome.Expected[i];
            // Written so that NaN fails.
            if (!(Math.Abs(actual - expected) <= outcome.Relative * Math.Abs(expected) + outcome.Absolute))
                Assert.Fail($"{test}: {outcome.Name}[{i}] is {actual:g9}, not {expected:g9}; allowed is an error of {outcome.Relative * Math.Abs(expected) + outcome.Absolute:g3}");
        }
    }
}
