using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>The tensor cores of the interpreter, on a warp's product of matrices.</summary>
[Collection("cuda")]
public sealed class WarpProductTests
{
    private const string Brain = "mma.sync.aligned.m16n8k16.row.col.f32.bf16.bf16.f32", Tf32 = "mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32";

    /// <summary>Every element of every operand stands where PTX says: small integers, all sums of which are exact.</summary>
    [Theory]
    [InlineData(Brain, Accumulation.RoundedOnce)]
    [InlineData(Brain, Accumulation.Truncated)]
    [InlineData(Tf32, Accumulation.RoundedOnce)]
    [InlineData(Tf32, Accumulation.Truncated)]
    public void ElementsStandWherePtxSays(string instruction, Accumulation accumulation)
    {
        int depth = Depth(instruction);
        var random = new Random(5);
        float[,] a = Numbers(16, depth, () => random.Next(-9, 10)), b = Numbers(depth, 8, () => random.Next(-9, 10)), c = Numbers(16, 8, () => random.Next(-999, 1000));
        var d = Run(instruction, accumulation, a, b, c);
        for (var m = 0; m < 16; m++)
            for (var n = 0; n < 8; n++)
            {
                var expected = c[m, n];
                for (var k = 0; k < depth; k++) expected += a[m, k] * b[k, n];
                Assert.Equal(expected, d[m, n]);
            }
    }

    /// <summary>Products of powers of two, a sign and an exponent each, the addend, and the results of both ends.</summary>
    public static TheoryData<(int Sign, int Exponent)[], double, double, double> Sums()
    {
        static double P(int exponent) => Math.ScaleB(1, exponent);
        (int, int)[] Fifteen((int, int) first, int exponent) => [first, .. Enumerable.Repeat((first.Item1, exponent), 15)];
        return new()
        {
            // The last bit of 1 is 2^-23: 15 quarters of it are cut off one by one, or are nearly 4 of it.
            { Fifteen((1, 0), -25), 0, 1 + P(-21), 1 },
            // Towards zero, not down.
            { Fifteen((-1, 0), -25), 0, -1 - P(-21), -1 },
            // A half of it goes to the even side, and up where there is anything besides.
            { [(1, 0), (1, -24)], 0, 1, 1 },
            { [(1, 0), (1, -24), (1, -120)], 0, 1 + P(-23), 1 },
            { [(1, 0), (1, -23), (1, -24)], 0, 1 + P(-22), 1 + P(-23) },
            // The addend is one of the terms, the first of them.
            { [(1, -24), (1, -25)], 1, 1 + P(-23), 1 },
            { [(-1, 0), (1, -30)], 1, P(-30), P(-30) },
            // Nothing is lost where the large ones cancel, or everything is; also where a double does not hold them side by side.
            { [(1, 32), (1, -2), (-1, 32)], 0, P(-2), 0 },
            { [(1, 126), (1, -100), (-1, 126)], 0, P(-100), 0 },
            // The smallest float32, and half of it.
            { [(1, -149), (1, -149)], 0, P(-148), P(-148) },
            { [(1, -150)], 0, 0, 0 },
            { [(1, 128)], 0, double.PositiveInfinity, double.PositiveInfinity },
            { [(1, 128), (-1, 128)], double.PositiveInfinity, double.PositiveInfinity, double.PositiveInfinity },
            { [(1, 0)], double.NaN, double.NaN, double.NaN },
        };
    }

    [Theory]
    [MemberData(nameof(Sums))]
    public void SumsAreRoundedOnceOrCut((int Sign, int Exponent)[] terms, double addend, double rounded, double truncated)
    {
        float[,] a = Numbers(16, 16, () => 0), b = Numbers(16, 8, () => 0), c = Numbers(16, 8, () => 0);
        for (var k = 0; k < terms.Length; k++)
        {
            var half = terms[k].Exponent / 2;
            (a[9, k], b[k, 5]) = (terms[k].Sign * MathF.ScaleB(1, half), MathF.ScaleB(1, terms[k].Exponent - half));
        }
        c[9, 5] = (float)addend;
        Assert.Equal((float)rounded, Run(Brain, Accumulation.RoundedOnce, a, b, c)[9, 5]);
        Assert.Equal((float)truncated, Run(Brain, Accumulation.Truncated, a, b, c)[9, 5]);
    }

    /// <summary>TF32 has 10 bits behind the point; what else stands in a register PTX leaves undefined.</summary>
    [Fact]
    public void MoreBitsThanTf32HasAreNoticed()
    {
        float[,] a = Numbers(16, 8, () => 1), b = Numbers(8, 8, () => 1), c = Numbers(16, 8, () => 0);
        a[3, 6] = 1 + MathF.ScaleB(1, -10);
        Assert.Equal(8 + MathF.ScaleB(1, -10), Run(Tf32, Accumulation.RoundedOnce, a, b, c)[3, 0]);
        a[3, 6] = 1 + MathF.ScaleB(1, -11);
        Assert.Contains("is no TF32 number", Assert.Throws<PtxException>(() => Run(Tf32, Accumulation.RoundedOnce, a, b, c)).Message, StringComparison.Ordinal);
    }

    /// <summary>Numbers are rounded to bfloat16 to the nearest, ties to even; the first stands in the upper half.</summary>
    [Theory]
    [InlineData(0x3f800000u, 0xbf808000u, 0x3f80bf80u)]
    [InlineData(0x3f818000u, 0x3f808001u, 0x3f823f81u)]
    [InlineData(0x7f7fffffu, 0x00008000u, 0x7f800000u)]
    [InlineData(0xff800000u, 0x7fc00000u, 0xff807fffu)]
    public void NumbersAreRoundedToBrains(uint upper, uint lower, uint both) =>
        Assert.Equal(both, Execute($"ld.global.u32 %r1, [%rd3];\nld.global.u32 %r2, [%rd3+4];\ncvt.rn.bf16x2.f32 %r3, %r1, %r2;\nst.global.u32 [%rd3], %r3;", [upper, lower])[0]);

    [Theory]
    [InlineData("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2}, {%r1, %r2}, {%f1, %f2, %f3, %f4};", "is no list of 4 registers")]
    [InlineData("mma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r1, %r2}, {%r1, %r2};", "unknown instruction mma")]
    [InlineData("mma.sync.aligned.m16n8k16.row.col.f32.f16.f16.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r1, %r2}, {%r1, %r2}, {%f1, %f2, %f3, %f4};", "unknown instruction mma")]
    [InlineData("setp.lt.s32 %p1, %r9, 7;\n@%p1 ret;\nmma.sync.aligned.m16n8k8.row.col.f32.tf32.tf32.f32 {%f1, %f2, %f3, %f4}, {%r1, %r2, %r1, %r2}, {%r1, %r2}, {%f1, %f2, %f3, %f4};", "divergent: lanes ffffff80")]
    public void WhatIsNotAWholeProductIsAnError(string body, string what) => Assert.Contains(what, Assert.Throws<PtxException>(() => Execute(body, [])).Message, StringComparison.Ordinal);

    private static int Depth(string instruction) => instruction == Brain ? 16 : 8;

    private static float[,] Numbers(int rows, int columns, Func<float> next)
    {
        var all = new float[rows, columns];
        for (var r = 0; r < rows; r++)
            for (var c = 0; c < columns; c++) all[r, c] = next();
        return all;
    }

    // Every lane loads its registers, ten words, and stores four.
    private static float[,] Run(string instruction, Accumulation accumulation, float[,] a, float[,] b, float[,] c)
    {
        SimulatedGpu.Reset();
        WarpProduct.Accumulation = accumulation;
        const int words = 10;
        var memory = new uint[32 * words];
        for (var lane = 0; lane < 32; lane++)
        {
            int group = lane / 4, own = lane % 4;
            var to = memory.AsSpan(lane * words, words);
            for (var n = 0; n < 4; n++)
            {
                int row = group + n % 2 * 8, half = n / 2;
                to[n] = instruction == Brain ? Pair(a[row, 2 * own + 8 * half], a[row, 2 * own + 1 + 8 * half]) : BitConverter.SingleToUInt32Bits(a[row, own + 4 * half]);
                to[6 + n] = BitConverter.SingleToUInt32Bits(c[group + n / 2 * 8, 2 * own + n % 2]);
            }
            for (var n = 0; n < 2; n++) to[4 + n] = instruction == Brain ? Pair(b[2 * own + 8 * n, group], b[2 * own + 1 + 8 * n, group]) : BitConverter.SingleToUInt32Bits(b[own + 4 * n, group]);
        }
        var registers = string.Concat(Enumerable.Range(0, words).Select(n => $"ld.global.u32 %{(n < 6 ? 'r' : 'f')}{n + 1}, [%rd3+{4 * n}];\n"));
        var result = Execute($"{registers}{instruction} {{%f7, %f8, %f9, %f10}}, {{%r1, %r2, %r3, %r4}}, {{%r5, %r6}}, {{%f7, %f8, %f9, %f10}};\n"
            + string.Concat(Enumerable.Range(0, 4).Select(n => $"st.global.f32 [%rd3+{4 * n}], %f{n + 7};\n")), memory);
        WarpProduct.Accumulation = Accumulation.RoundedOnce;
        var d = new float[16, 8];
        for (var lane = 0; lane < 32; lane++)
            for (var n = 0; n < 4; n++) d[lane / 4 + n / 2 * 8, 2 * (lane % 4) + n % 2] = BitConverter.UInt32BitsToSingle(result[lane * words + n]);
        return d;
    }

    private static uint Pair(float first, float second)
    {
        Assert.Equal(0u, (BitConverter.SingleToUInt32Bits(first) | BitConverter.SingleToUInt32Bits(second)) & 0xffff);
        return BitConverter.SingleToUInt32Bits(second) & 0xffff0000 | BitConverter.SingleToUInt32Bits(first) >> 16;
    }

    // A warp; %rd3 is the address of ten words of a lane.
    private static uint[] Execute(string body, uint[] words)
    {
        var ptx = $$"""
            .version 7.0
            .target sm_80
            .visible .entry k(
            .param .u64 k_param_0
            )
            .maxntid 32, 1, 1
            {
            .reg .b32 %r<10>;
            .reg .b64 %rd<10>;
            mov.u32 %r9, %tid.x;
            ld.param.u64 %rd1, [k_param_0];
            mul.wide.u32 %rd2, %r9, 40;
            add.s64 %rd3, %rd1, %rd2;
            {{body.ReplaceLineEndings("\n")}}
            ret;
            }
            """;
        var memory = new GlobalMemory();
        var address = memory.Allocate(32 * 40);
        try
        {
            unsafe
            {
                words.CopyTo(new Span<uint>((void*)address, 320));
                Launch.Run(PtxParser.Parse(ptx)["k"], new(1, 1, 1), 32, BitConverter.GetBytes(address), memory, reverse: false);
                return new ReadOnlySpan<uint>((void*)address, 320).ToArray();
            }
        }
        finally
        {
            memory.Free(address);
        }
    }
}
