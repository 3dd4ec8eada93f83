using System.Text.RegularExpressions;
using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>Breaks the shipped kernels on purpose: the interpreter must notice, and say where.</summary>
[Collection("cuda")]
public sealed partial class CudaMutationTests(CudaFixture fixture)
{
    public static TheoryData<string> KernelsWithBarriers =>
        ["norm_forward", "norm_backward", "gemm_f32_small", "gemm_bf16_transposed_small", "attention_forward_64_one",
            "attention_backward_queries_64_four", "attention_backward_keys_64_four", "attention_backward_short_64", "attention_backward_short_128",
            "centre_rows", "contract_tiles_f32_32", "contract_tiles_f32_40", "contract_tiles_bf16_32", "contract_tiles_bf16_40", "sparse_logits", "softmax_metric", "divergence_metric"];

    // Not every barrier is needed by these cases (one after the last use of shared memory is not), but some are.
    [Theory]
    [MemberData(nameof(KernelsWithBarriers))]
    public void ARemovedBarrierIsARace(string kernel)
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, kernel);
        var barriers = Barrier().Matches(body);
        Assert.NotEmpty(barriers);
        var caught = 0;
        foreach (Match barrier in barriers)
        {
            var message = Fault(ptx.Replace(body, body.Remove(barrier.Index, barrier.Length), StringComparison.Ordinal), kernel);
            if (message is null)
                continue;
            Assert.Matches($@"kernel {kernel}, PTX line \d+ '.*': block .*: (race|thread \d+ reads .* which nobody has written)", message);
            caught++;
        }
        Assert.True(caught > 0, $"{kernel}: none of {barriers.Count} removed barriers was noticed");
    }

    // Only global memory goes across this one: what follows a product is applied by other threads than those that computed it.
    [Theory]
    [InlineData("gemm_f32_small")]
    [InlineData("gemm_bf16_transposed_small")]
    public void AMissingBarrierBeforeTheEpilogueIsARace(string kernel)
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, kernel);
        var barrier = Barrier().Matches(body)[^1];
        Assert.Matches($@"kernel {kernel}, PTX line \d+ '(ld|st)\.global.*': block .*: race: thread.* global address",
            Fault(ptx.Replace(body, body.Remove(barrier.Index, barrier.Length), StringComparison.Ordinal), kernel));
    }

    [Theory]
    [InlineData("gemm_f32_small", "x")]
    [InlineData("attention_forward_64_one", "y")]
    [InlineData("contract_tiles_f32_32", "x")]
    [InlineData("contract_tiles_f32_40", "z")]
    [InlineData("reduce_tiles", "y")]
    public void BlocksThatDoTheSameWorkRace(string kernel, string dimension)
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, kernel);
        var message = Fault(ptx.Replace(body, body.Replace($"%ctaid.{dimension};", "0;", StringComparison.Ordinal), StringComparison.Ordinal), kernel);
        Assert.Matches($@"kernel {kernel}, PTX line \d+ '(ld|st)\.global.*': block .*: race: .*, where another block of the launch (wrote|read)", message);
    }

    [Theory]
    [InlineData("norm_forward")]
    [InlineData("gemm_f32_small")]
    [InlineData("attention_forward_64_one")]
    public void ABarrierThatSomeThreadsSkipIsDivergent(string kernel)
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, kernel);
        var barrier = Barrier().Match(body);
        // Lane 0 of every warp leaves just before.
        var message = Fault(ptx.Replace(body, body.Insert(barrier.Index,
            "\tmov.u32 %r9999, %tid.x;\n\tand.b32 %r9999, %r9999, 31;\n\tsetp.eq.s32 %p9999, %r9999, 0;\n\t@%p9999 ret;\n"),
            StringComparison.Ordinal), kernel);
        Assert.Matches($@"kernel {kernel}, PTX line \d+ '(bar|shfl).*': block .*: divergent", message);
    }

    [Theory]
    [InlineData("gemm_f32_small")]
    [InlineData("contract_tiles_f32_32")]
    [InlineData("contract_tiles_f32_40")]
    [InlineData("contract_tiles_bf16_32")]
    [InlineData("contract_tiles_bf16_40")]
    [InlineData("attention_backward_keys_64_four")]
    [InlineData("attention_backward_short_64")]
    public void AShiftedSharedAddressIsNoticed(string kernel)
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, kernel);
        var store = SharedStore().Match(body);
        var message = Fault(ptx.Replace(body, body[..store.Index] + $"\tst.shared.f32 [{store.Groups[1].Value}+65536], %f1;"
            + body[(store.Index + store.Length)..], StringComparison.Ordinal), kernel);
        Assert.Matches($@"kernel {kernel}, PTX line \d+ 'st\.shared.*': block .*: shared address \w+ is in no variable", message);
    }

    [Theory]
    [InlineData("copy")]
    [InlineData("norm_forward")]
    [InlineData("gemm_f32_small")]
    [InlineData("attention_forward_64_one")]
    [InlineData("reduce_tiles")]
    public void AShiftedIndexLeavesItsBuffer(string kernel)
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, kernel);
        var store = GlobalStore().Matches(body)[^1];
        var message = Fault(ptx.Replace(body, body[..store.Index]
            + $"\tst.global.f32 [{store.Groups[1].Value}+{1 << 30}]{store.Groups[2].Value}" + body[(store.Index + store.Length)..],
            StringComparison.Ordinal), kernel);
        Assert.Matches($@"kernel {kernel}, PTX line \d+ 'st\.global.*': block .*: thread \d+: global address \w+ is in no allocation",
            message);
    }

    [Fact]
    public void AnUnalignedAddressIsNoticed()
    {
        var ptx = CudaModule.EmbeddedPtx();
        var body = CudaFixture.BodyOf(ptx, "copy");
        var store = GlobalStore().Match(body);
        var message = Fault(ptx.Replace(body, body[..store.Index] + $"\tst.global.f32 [{store.Groups[1].Value}+2]{store.Groups[2].Value}"
            + body[(store.Index + store.Length)..], StringComparison.Ordinal), "copy");
        Assert.Matches(@"kernel copy, PTX line \d+ 'st\.global.*is not aligned to 4 bytes", message);
    }

    [Fact]
    public void ABufferThatIsTooSmallIsNoticed()
    {
        SimulatedGpu.Reset();
        using var device = fixture.Open(CudaModule.EmbeddedPtx());
        using var arena = new DeviceArena(device);
        var (x, y) = (arena.New(4, 7), arena.New(4, 6));
        var error = Assert.Throws<CudaException>(() => device.Copy(x, y with { Columns = 7, Stride = 7 }));
        Assert.Matches(@"cuLaunchKernel\(copy\) failed: CUDA_ERROR_LAUNCH_FAILED \(719\): kernel copy, PTX line \d+ 'st\.global.*: thread \d+: global address \w+ is in no allocation.*the device is lost", error.Message);
        // As on a real device, nothing works after that.
        Assert.Throws<CudaException>(device.Synchronize);
        SimulatedGpu.Reset();
    }

    [Fact]
    public void ParametersOfAnotherSizeAreRefused()
    {
        SimulatedGpu.Reset();
        var ptx = CudaModule.EmbeddedPtx().Replace("copy_param_0[80]", "copy_param_0[88]", StringComparison.Ordinal);
        using var device = fixture.Open(ptx);
        using var arena = new DeviceArena(device);
        var x = arena.New(1, 3);
        Assert.Contains("ElementParameters has 80 bytes, kernel copy takes 88",
            Assert.Throws<InvalidOperationException>(() => device.Copy(x, x)).Message, StringComparison.Ordinal);
    }

    // Runs every case of the operations that use the kernel until one fails, and returns what the interpreter said.
    private string? Fault(string ptx, string kernel)
    {
        SimulatedGpu.Reset();
        Assert.NotEqual(CudaModule.EmbeddedPtx(), ptx);
        using var device = fixture.Open(ptx);
        foreach (var test in OpCases.All.Where(c => Operations(kernel).Contains(c.Operation)))
        {
            using var arena = new DeviceArena(device);
            try
            {
                _ = test.Run(new(device, arena, seed: 7)).ToArray();
            }
            catch (CudaException)
            {
                // The fault is below.
            }
            if (SimulatedGpu.Fault is { } fault)
            {
                SimulatedGpu.Reset();
                return fault.Message;
            }
        }
        return null;
    }

    private static string[] Operations(string kernel) => kernel switch
    {
        "norm_forward" => ["NormForward"],
        "norm_backward" => ["NormBackward"],
        "copy" => ["Copy"],
        "centre_rows" or "reduce_tiles" => ["ContractScores"],
        "sparse_logits" => ["SparseLogits"],
        "softmax_metric" => ["SoftmaxMetric"],
        "divergence_metric" => ["DivergenceMetric"],
        _ when kernel.StartsWith("contract", StringComparison.Ordinal) => ["ContractScores"],
        _ when kernel.StartsWith("gemm", StringComparison.Ordinal) => ["Multiply"],
        _ => ["AttentionBackward"],
    };

    [GeneratedRegex(@"\tbar\.sync \t0;\n")]
    private static partial Regex Barrier();
    [GeneratedRegex(@"\tst\.shared[^\[;]*\[(%rd\d+)[^;]*;")]
    private static partial Regex SharedStore();
    [GeneratedRegex(@"\tst\.global\.f32 \t\[(%rd\d+)(?:\+\d+)?\](, %f\d+;)")]
    private static partial Regex GlobalStore();
}
