using System.Reflection;
using Faith.Kernels.Cuda;
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

    // One multiprocessor gets the largest tile, very many get the smallest.
    [Fact]
    public void AProductHasTheSameBitsInEveryTile()
    {
        SimulatedGpu.Reset();
        using var one = Open(multiprocessors: 1);
        using var many = Open(multiprocessors: 10_000);
        foreach (var test in OpCases.All.Where(c => c.Operation == "Multiply"))
        {
            var large = Run(one, test, reverse: false);
            var small = Run(many, test, reverse: false);
            foreach (var (outcome, other) in large.Zip(small))
            {
                Check(test, outcome);
                Assert.True(outcome.Actual.AsSpan().SequenceEqual(other.Actual), $"{test}: {outcome.Name} depends on the tile");
            }
        }
        foreach (var kernel in from weights in (string[])["f32", "bf16"] from side in (string[])["", "_transposed"] from tile in (string[])["large", "small"]
                               select $"gemm_{weights}{side}_{tile}")
            Assert.Contains(kernel, SimulatedGpu.Launched);
    }

    [Fact]
    public void EveryOperationHasACase()
    {
        var operations = typeof(Device).GetMethods(BindingFlags.Public | BindingFlags.Instance).Where(m => m.IsAbstract
            && !m.IsSpecialName).Select(m => m.Name).Distinct();
        Assert.Empty(operations.Except(OpCases.All.Select(c => c.Operation)));
    }

    private CudaDevice Open(int multiprocessors)
    {
        SimulatedGpu.Multiprocessors = multiprocessors;
        return CudaDevices.Open(CudaDevices.Probe(fixture.Driver));
    }

    private List<Outcome> Run(OpCase test, bool reverse) => Run(fixture.Device, test, reverse);

    private static List<Outcome> Run(Device device, OpCase test, bool reverse)
    {
        SimulatedGpu.ReverseBlocks = reverse;
        using var arena = new DeviceArena(device);
        try
        {
            return [.. test.Run(new(device, arena, seed: 7))];
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
