using Faith.PtxInterpreter;
using SharedCase = Faith.Kernels.Tests.OpCase;
using SharedCases = Faith.Kernels.Tests.OpCases;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>
/// The table of cases that the host device is tested with, run on the GPU device: the two implementations answer to the same
/// references.
/// </summary>
[Collection("cuda")]
public sealed class CudaSharedCasesTests(CudaFixture fixture)
{
    private static IEnumerable<SharedCase> Cases => SharedCases.All.Where(c => !c.HostAlone);

    public static TheoryData<string> Operations => [.. SharedCases.All.Select(c => c.Op).Distinct()];

    [Theory]
    [MemberData(nameof(Operations))]
    public void AgreesWithTheReferenceOfTheHost(string op)
    {
        foreach (var item in Cases.Where(c => c.Op == op))
        {
            _ = Results(item);
            _ = Results(item, aligned: true);
        }
    }

    [Theory]
    [MemberData(nameof(Operations))]
    public void ARowDoesNotDependOnItsNeighbours(string op)
    {
        // The middle row of every fourth case: the interpreter is no GPU.
        foreach (var item in Cases.Where(c => c.Op == op && c.BatchRows > 1).Where((_, i) => i % 4 == 0))
        {
            var row = item.BatchRows / 2;
            var together = Results(item).Select(x => x.AsSpan(x.Length / item.BatchRows * row, x.Length / item.BatchRows).ToArray());
            foreach (var (expected, actual) in together.Zip(Results(item, row)))
                Assert.True(expected.AsSpan().SequenceEqual(actual), $"{item}: row {row} has other bits alone");
        }
    }

    private IReadOnlyList<float[]> Results(SharedCase item, int? row = null, bool aligned = false)
    {
        SimulatedGpu.Reset();
        try
        {
            using var context = new CaseContext(fixture.Device, seed: 7, row, aligned: aligned);
            item.Run(context);
            context.CheckFences();
            return context.Results;
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            throw new InvalidOperationException($"{item}: {e.Message}", e);
        }
    }
}
