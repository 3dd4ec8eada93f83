using System.Text.RegularExpressions;
using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>Breaks the kernels on purpose: the interpreter must notice, and say where.</summary>
[Collection("cuda")]
public sealed partial class MutationTests
{
    /// <summary>Operations whose kernels have barriers, the entry of the kernel, and how the device multiplies.</summary>
    public static TheoryData<string, string, Products> WithBarriers => new()
    {
        { "NormForward", "Kernel_Forward", Products.Exact },
        { "NormBackward", "Kernel_Backward", Products.Exact },
        { "NormDifferential", "Kernel_Differential", Products.Exact },
        { "Multiply", "Kernel_Multiply", Products.Exact },
        { "Multiply", "Kernel_Multiply", Products.Tensor },
        { "AttentionForward", "Kernel_Forward", Products.Exact },
        { "AttentionBackward", "Kernel_BackwardQueries", Products.Exact },
        { "AttentionBackward", "Kernel_BackwardKeys", Products.Exact },
        { "AttentionBackward", "Kernel_BackwardValues", Products.Exact },
        { "ContractScores", "Kernel_Centre", Products.Exact },
        { "ContractScores", "Kernel_Tiles", Products.Exact },
        { "SparseLogits", "Kernel_SparseLogits", Products.Exact },
        { "SoftmaxMetric", "Kernel_SoftmaxMetric", Products.Exact },
        { "DivergenceMetric", "Kernel_DivergenceMetric", Products.Exact },
    };

    // Not every barrier is needed by these cases (one after the last use of shared memory is not), but some are.
    [Theory]
    [MemberData(nameof(WithBarriers))]
    public void ARemovedBarrierIsARace(string operation, string entry, Products products)
    {
        int caught = 0, barriers = 1;
        for (var n = 0; n < barriers; n++)
        {
            var message = Fault(operation, entry, body =>
            {
                var all = BarrierLine().Matches(body);
                barriers = Math.Max(barriers, all.Count);
                return n < all.Count ? body.Remove(all[n].Index, all[n].Length) : body;
            }, products);
            if (message is null) continue;
            Assert.Matches($@"kernel {entry}, PTX line \d+ '.*': block .*: (race|thread \d+ reads .* which nobody has written)", message);
            caught++;
        }
        Assert.True(barriers > 1, $"{entry} has {barriers} barriers");
        Assert.True(caught > 0, $"{operation}: none of {barriers} removed barriers was noticed");
    }

    // Only global memory goes across this one: what follows a product is applied by other threads than those that computed it.
    [Fact]
    public void AMissingBarrierBeforeTheEpilogueIsARace() => Assert.Contains(Enumerable.Range(0, 3), n => Fault("Multiply", "Kernel_Multiply", body =>
    {
        var all = BarrierLine().Matches(body);
        return body.Remove(all[n].Index, all[n].Length);
    }) is { } message && Regex.IsMatch(message, @"kernel Kernel_Multiply, PTX line \d+ '(ld|st)\..*': block .*: race: thread.* global address"));

    [Theory]
    [InlineData("Multiply", "Kernel_Multiply", "x")]
    [InlineData("AttentionForward", "Kernel_Forward", "y")]
    [InlineData("ContractScores", "Kernel_Tiles", "x")]
    [InlineData("ContractScores", "Kernel_Tiles", "z")]
    [InlineData("ContractScores", "Kernel_Reduce", "y")]
    public void BlocksThatDoTheSameWorkRace(string operation, string entry, string dimension) =>
        Assert.Matches($@"kernel {entry}, PTX line \d+ '(ld|st)\..*': block .*: race: .*, where another block of the launch (wrote|read)",
            Fault(operation, entry, body => body.Replace($"%ctaid.{dimension};", "0;", StringComparison.Ordinal)));

    [Theory]
    [InlineData("NormForward", "Kernel_Forward")]
    [InlineData("Multiply", "Kernel_Multiply")]
    [InlineData("AttentionForward", "Kernel_Forward")]
    public void ABarrierThatSomeThreadsSkipIsDivergent(string operation, string entry) =>
        // Lane 0 of every warp leaves just before.
        Assert.Matches($@"kernel {entry}, PTX line \d+ '(bar|shfl).*': block .*: divergent", Fault(operation, entry, body => body.Insert(BarrierLine().Match(body).Index,
            "\tmov.u32 %r9999, %tid.x;\n\tand.b32 %r9999, %r9999, 31;\n\tsetp.eq.s32 %p9999, %r9999, 0;\n\t@%p9999 ret;\n")));

    [Theory]
    [InlineData("Multiply", "Kernel_Multiply")]
    [InlineData("ContractScores", "Kernel_Tiles")]
    [InlineData("AttentionBackward", "Kernel_BackwardKeys")]
    public void AShiftedSharedAddressIsNoticed(string operation, string entry) =>
        Assert.Matches($@"kernel {entry}, PTX line \d+ 'st\.shared.*': block .*: shared address \w+ is in no variable",
            Fault(operation, entry, body => SharedStore().Replace(body, m => $"\tst.shared.f32 [{m.Groups[1].Value}+65536], {m.Groups[2].Value};", 1)));

    [Theory]
    [InlineData("Copy", "Kernel_Loop", 1 << 30, "is in no allocation")]
    [InlineData("NormForward", "Kernel_Forward", 1 << 30, "is in no allocation")]
    [InlineData("Multiply", "Kernel_Multiply", 1 << 30, "is in no allocation")]
    [InlineData("ContractScores", "Kernel_Reduce", 1 << 30, "is in no allocation")]
    [InlineData("Copy", "Kernel_Loop", 2, "is not aligned to 4 bytes")]
    public void AShiftedGlobalAddressIsNoticed(string operation, string entry, int by, string what) =>
        Assert.Matches($@"kernel {entry}, PTX line \d+ 'st\.f32.*{what}", Fault(operation, entry, body => GlobalStore().Replace(body, m => $"\tst.f32\t[{m.Groups[1].Value}+{by}], {m.Groups[2].Value};")));

    // Runs the cases of the operation until one fails, and returns what the interpreter said.
    private static string? Fault(string operation, string entry, Func<string, string> change, Products products = Products.Exact)
    {
        SimulatedGpu.Reset();
        var changed = false;
        SimulatedGpu.Rewrite = ptx =>
        {
            if (!ptx.Contains($".entry {entry}(", StringComparison.Ordinal)) return ptx;
            var after = change(ptx);
            changed |= after != ptx;
            return after;
        };
        using var device = SimulatedFixture.Open(products);
        foreach (var item in Cases.All.Where(c => c.Op == operation).Where((_, i) => i % 3 == 1))
            foreach (var aligned in (bool[])[false, true])
            {
                try
                {
                    _ = Cases.Results(device, item, aligned: aligned, compare: false);
                }
                catch (InvalidOperationException)
                {
                    // The fault is below.
                }
                if (SimulatedGpu.Fault is not { } fault) continue;
                SimulatedGpu.Reset();
                return fault.Message;
            }
        SimulatedGpu.Rewrite = null;
        Assert.True(changed, $"{entry} is as it was");
        return null;
    }

    [GeneratedRegex(@"\tbar\.sync\s+0;\n")]
    private static partial Regex BarrierLine();
    [GeneratedRegex(@"\tst\.shared\.f32\s+\[(%rd\d+)[^\]]*\], (%f\d+);")]
    private static partial Regex SharedStore();
    [GeneratedRegex(@"\tst\.f32\s+\[(%rd\d+)[^\]]*\], (%f\d+);")]
    private static partial Regex GlobalStore();
}
