using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>The interpreter itself, on kernels of a few lines.</summary>
public sealed class PtxInterpreterTests
{
    [Theory]
    // Shifts by the width or more leave nothing.
    [InlineData("shl.b32 %r3, %r1, %r2;", 5u, 31u, 0x80000000u)]
    [InlineData("shl.b32 %r3, %r1, %r2;", 5u, 32u, 0u)]
    [InlineData("bfe.u32 %r3, %r1, %r2, 3;", 0xabcdu, 2u, 3u)]
    [InlineData("bfe.u32 %r3, %r1, 30, %r2;", 0xc0000000u, 5u, 3u)]
    [InlineData("bfe.u32 %r3, %r1, %r2, 32;", 0x89abcdefu, 4u, 0x89abcdeu)]
    [InlineData("bfe.u32 %r3, %r1, %r2, 8;", 0x89abcdefu, 40u, 0u)]
    [InlineData("bfe.u32 %r3, %r1, 3, %r2;", 0x89abcdefu, 0u, 0u)]
    [InlineData("shr.u32 %r3, %r1, %r2;", 0x80000000u, 31u, 1u)]
    [InlineData("shr.u32 %r3, %r1, 32;", 0x80000000u, 0u, 0u)]
    [InlineData("shr.s32 %r3, %r1, %r2;", 0x40000000u, 29u, 2u)]
    [InlineData("shr.s32 %r3, %r1, %r2;", 0x40000000u, 40u, 0u)]
    [InlineData("add.s32 %r3, %r1, %r2;", uint.MaxValue, 2u, 1u)]
    [InlineData("mul.lo.s32 %r3, %r1, %r2;", 0x10001u, 0x10001u, 0x20001u)]
    [InlineData("mad.lo.s32 %r3, %r1, %r2, 7;", 3u, 5u, 22u)]
    [InlineData("div.s32 %r3, %r1, %r2;", 0xfffffff9u, 2u, 0xfffffffdu)]
    [InlineData("rem.s32 %r3, %r1, %r2;", 0xfffffff9u, 2u, uint.MaxValue)]
    [InlineData("min.s32 %r3, %r1, %r2;", 0xfffffff9u, 2u, 0xfffffff9u)]
    [InlineData("min.u32 %r3, %r1, %r2;", 0xfffffff9u, 2u, 2u)]
    [InlineData("not.b32 %r3, %r1;", 0u, 0u, uint.MaxValue)]
    // The smallest number by -1 is no error of the host.
    [InlineData("div.s32 %r3, %r1, %r2;", 0x80000000u, uint.MaxValue, 0x80000000u)]
    [InlineData("rem.s32 %r3, %r1, %r2;", 0x80000000u, uint.MaxValue, 0u)]
    [InlineData("popc.b32 %r3, %r1;", 0x80000101u, 0u, 3u)]
    [InlineData("clz.b32 %r3, %r1;", 0x00010000u, 0u, 15u)]
    [InlineData("setp.hi.u32 %p1, %r1, %r2;\nselp.b32 %r3, 1, 0, %p1;", 0x80000000u, 2u, 1u)]
    [InlineData("setp.ls.u32 %p1, %r1, %r2;\nselp.b32 %r3, 1, 0, %p1;", 0x80000000u, 2u, 0u)]
    [InlineData("setp.lt.s32 %p1, %r1, 0;\nsetp.ge.or.s32 %p1, %r1, %r2, %p1;\nselp.b32 %r3, 1, 0, %p1;", 0x80000000u, 2u, 1u)]
    // Of a wider register the lowest bits count, and of a 16-bit one those that it has.
    [InlineData("cvt.s32.s8 %r3, %r1;", 0x180u, 0u, 0xffffff80u)]
    [InlineData("cvt.s8.s32 %rs1, %r1;\ncvt.u32.u16 %r3, %rs1;", 0x180u, 0u, 0xff80u)]
    [InlineData("cvt.s64.s16 %rd1, %r1;\nshr.u64 %rd1, %rd1, 32;\ncvt.u32.u64 %r3, %rd1;", 0x8000u, 0u, uint.MaxValue)]
    [InlineData("cvt.rzi.u32.f32 %r3, %r1;", 0xbf800000u, 0u, 0u)]
    [InlineData("cvt.rn.f32.u64 %r3, 18446744073709551615;", 0u, 0u, 0x5f800000u)]
    [InlineData("cvt.f64.f32 %fd1, %r1;\nmul.f64 %fd1, %fd1, 0d3fd5555555555555;\ncvt.rn.f32.f64 %r3, %fd1;", 0x40400000u, 0u, 0x3f800000u)]
    [InlineData("cvt.rpi.f32.f32 %r3, %r1;", 0x3f000000u, 0u, 0x3f800000u)]
    [InlineData("cvt.rn.f16.f32 %rs1, %r1;\ncvt.f32.f16 %r3, %rs1;", 0x3f800001u, 0u, 0x3f800000u)]
    [InlineData("copysign.f32 %r3, %r1, %r2;", 0x80000000u, 0x3f800000u, 0xbf800000u)]
    [InlineData("testp.infinite.f32 %p1, %r1;\ntestp.finite.f32 %p2, %r2;\nor.pred %p1, %p1, %p2;\nselp.b32 %r3, 1, 0, %p1;", 0x7fc00000u, 0xff800000u, 0u)]
    [InlineData("testp.notanumber.f32 %p1, %r1;\ntestp.infinite.f32 %p2, %r2;\nand.pred %p1, %p1, %p2;\nselp.b32 %r3, 1, 0, %p1;", 0x7fc00000u, 0xff800000u, 1u)]
    // Numbers that do not fit saturate; what is no number becomes 0.
    [InlineData("cvt.rzi.s32.f32 %r3, %r1;", 0x4f800000u, 0u, 0x7fffffffu)]
    [InlineData("cvt.rzi.s32.f32 %r3, %r1;", 0xff800000u, 0u, 0x80000000u)]
    [InlineData("cvt.rzi.s32.f32 %r3, %r1;", 0x7fc00000u, 0u, 0u)]
    [InlineData("cvt.rmi.f32.f32 %r3, %r1;", 0xbf000000u, 0u, 0xbf800000u)]
    // max ignores NaN, max.NaN keeps it.
    [InlineData("max.f32 %r3, %r1, %r2;", 0x7fc00000u, 0x3f800000u, 0x3f800000u)]
    [InlineData("max.NaN.f32 %r3, %r1, %r2;", 0x7fc00000u, 0x3f800000u, 0x7fc00000u)]
    // One rounding, not two: (1 + 2^-12)² - 1 keeps its 2^-24.
    [InlineData("fma.rn.f32 %r3, %r1, %r1, 0fBF800000;", 0x3f800800u, 0u, 0x3a000400u)]
    public void InstructionsFollowTheReference(string instruction, uint a, uint b, uint expected)
    {
        var result = Run($"mov.u32 %r1, {a};\nmov.u32 %r2, {b};\n{instruction}\nst.global.u32 [%rd3], %r3;\nret;");
        Assert.All(result, value => Assert.Equal(expected, value));
    }

    [Theory]
    [InlineData("lt", false, true)]
    [InlineData("ltu", true, true)]
    [InlineData("ge", false, false)]
    [InlineData("geu", true, false)]
    [InlineData("eq", false, false)]
    [InlineData("equ", true, false)]
    [InlineData("ne", false, true)]
    [InlineData("neu", true, true)]
    public void ComparisonsWithNaNAreAsTheirNameSays(string comparison, bool withNaN, bool oneWithTwo)
    {
        var result = Run($"""
            setp.{comparison}.f32 %p1, 0f7FC00000, 0f3F800000;
            setp.{comparison}.f32 %p2, 0f3F800000, 0f40000000;
            selp.u32 %r1, 1, 0, %p1;
            selp.u32 %r2, 2, 0, %p2;
            or.b32 %r3, %r1, %r2;
            st.global.u32 [%rd3], %r3;
            ret;
            """);
        Assert.All(result, value => Assert.Equal((withNaN ? 1u : 0) + (oneWithTwo ? 2u : 0), value));
    }

    [Fact]
    public void LanesThatLoopDifferentlyMeetAgain()
    {
        // Lane n goes round n mod 5 times; the shuffle behind the loop needs all of them.
        var result = Run("""
            rem.u32 %r1, %r9, 5;
            mov.u32 %r2, 0;
            $round:
            setp.eq.s32 %p1, %r1, 0;
            @%p1 bra $done;
            add.s32 %r2, %r2, %r9;
            add.s32 %r1, %r1, -1;
            bra.uni $round;
            $done:
            shfl.sync.bfly.b32 %r3, %r2, 1, 31, 0xffffffff;
            st.global.u32 [%rd3], %r3;
            ret;
            """);
        Assert.Equal(Enumerable.Range(0, 64).Select(n => (uint)((n ^ 1) * ((n ^ 1) % 5))), result);
    }

    // Lanes that would look past the end of the warp keep their own.
    [Theory]
    [InlineData("down", "31", 3)]
    [InlineData("up", "0", -3)]
    public void ShufflesByADistanceStayInTheWarp(string kind, string segment, int distance)
    {
        var result = Run($"shfl.sync.{kind}.b32 %r3, %r9, 3, {segment}, 4294967295;\nst.global.u32 [%rd3], %r3;\nret;");
        Assert.Equal(Enumerable.Range(0, 64).Select(n => (uint)(n % 32 + distance is < 0 or > 31 ? n : n + distance)), result);
    }

    [Fact]
    public void ThreadsHaveMemoryOfTheirOwn()
    {
        var result = Run("""
            .local .align 4 .b8 own[16];
            mov.u64 %rd1, own;
            st.local.u32 [%rd1+12], %r9;
            ld.local.u32 %r1, [%rd1+8];
            ld.local.u32 %r2, [%rd1+12];
            sub.s32 %r3, %r2, %r1;
            st.global.u32 [%rd3], %r3;
            ret;
            """);
        // What was not written has all its bits set: it is -1.
        Assert.Equal(Enumerable.Range(1, 64).Select(n => (uint)n), result);
    }

    [Fact]
    public void ABranchByAnIndexTakesEveryLaneItsOwnWay()
    {
        var result = Run("""
            rem.u32 %r1, %r9, 3;
            $targets:
            .branchtargets $zero, $one, $two;
            brx.idx %r1, $targets;
            $two:
            mov.b32 %r3, 22;
            bra $end;
            $one:
            mov.b32 %r3, 11;
            bra $end;
            $zero:
            mov.b32 %r3, 0;
            bra $end;
            $end:
            bar.sync 0;
            st.global.u32 [%rd3], %r3;
            ret;
            """);
        Assert.Equal(Enumerable.Range(0, 64).Select(n => (uint)(n % 3 * 11)), result);
    }

    [Theory]
    [InlineData("ld.shared.u32 %r1, [%rd4];\nret;", "thread 0 reads word 0 of buffer, which nobody has written")]
    [InlineData("st.shared.u32 [%rd4], %r9;\nret;", "race: threads 0 and 1 both write word 0 of buffer")]
    [InlineData("st.shared.u32 [%rd5], %r9;\nxor.b32 %r1, %r9, 1;\nld.shared.u32 %r2, [%rd5+4];\nret;", "race: thread 0 reads word 1 of buffer, which thread 1 wrote since the last barrier")]
    [InlineData("st.shared.u32 [%rd5], %r9;\nbar.sync 0;\nld.shared.u32 %r2, [%rd4];\nst.shared.u32 [%rd5], %r9;\nret;", "race: thread 0 writes word 0 of buffer, which other threads read since the last barrier")]
    [InlineData("st.shared.u32 [%rd5+4096], %r9;\nret;", "is in no variable")]
    [InlineData("st.shared.u32 [%rd5+2], %r9;\nret;", "is not aligned to 4 bytes")]
    [InlineData("st.shared.u16 [%rd5], %r9;\nret;", "only whole words are known")]
    [InlineData(".local .align 4 .b8 own[16];\nmov.u64 %rd1, own;\nst.local.u32 [%rd1+16], %r9;\nret;", "is in no variable")]
    [InlineData(".local .align 4 .b8 own[16];\nmov.u64 %rd1, own;\nst.local.u32 [%rd1+2], %r9;\nret;", "is not aligned to 4 bytes")]
    [InlineData("ld.shared.v4.u32 {%r1, %r2, %r3, %r4}, [%rd4+4];\nret;", "is not aligned to 16 bytes")]
    [InlineData("st.global.u32 [%rd3+4096], %r9;\nret;", "is in no allocation (4 bytes)")]
    [InlineData("ld.param.u64 %rd1, [k_param_0+8];\nret;", "parameter offset 8 is out of bounds")]
    [InlineData("setp.lt.s32 %p1, %r9, 7;\n@%p1 bra $behind;\nbar.sync 0;\n$behind:\nret;", "divergent: lanes ffffff80 of warp 0 wait here for lanes that have left")]
    [InlineData("setp.lt.s32 %p1, %r9, 7;\n@%p1 ret;\nshfl.sync.bfly.b32 %r3, %r9, 1, 31, 0xffffffff;\nret;", "divergent: lanes ffffff80 of warp 0 wait here for lanes that have left the kernel")]
    [InlineData("setp.lt.s32 %p1, %r9, 32;\n@%p1 ret;\nbar.sync 0;\nret;", "divergent: warp 1 waits at a barrier that warp 0 never reaches")]
    [InlineData("setp.lt.s32 %p1, %r9, 32;\n@%p1 bra $other;\nbar.sync 0;\nret;\n$other:\nbar.sync 0;\nret;", "waits at PTX line")]
    [InlineData("div.s32 %r1, %r9, 0;\nret;", "division by zero")]
    [InlineData("sub.s32 %r1, %r9, 1;\nshr.s32 %r1, %r1, 1;\nret;", "thread 0: -1 is shifted to the right, which is no division by a power of two")]
    public void BrokenRulesAreNamed(string body, string what)
    {
        var message = Assert.Throws<PtxException>(() => Run(body)).Message;
        Assert.StartsWith("kernel k", message, StringComparison.Ordinal);
        Assert.Contains(what, message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("frobnicate.u32 %r1, %r2;\nret;", "PTX line 20: unknown instruction frobnicate.u32")]
    [InlineData("add.s32 %r1, %rd1, %r2;\nret;", "%rd1 has the wrong type")]
    [InlineData("add.s32 %r1, %r2, elsewhere;\nret;", "unknown operand elsewhere")]
    [InlineData("bra $nowhere;", "no label $nowhere")]
    [InlineData("add.s32 %r1, %r2, %r3;", "kernel k runs off its end")]
    [InlineData("atom.global.add.f32 %f1, [%rd1], %f2;\nret;", "unknown instruction atom.global.add.f32")]
    [InlineData("@%p1 bar.sync 0;\nret;", "a barrier, shuffle or mma under a predicate is not known")]
    [InlineData("{\n.param .b32 argument;\ncall.uni helper, (argument);\n}\nret;", "a call of a function is not known")]
    [InlineData("bar.sync 1;\nret;", "unknown instruction bar.sync")]
    [InlineData("shfl.sync.bfly.b32 %r3, %r2, 1, 15, 0xffffffff;\nret;", "only shuffles of whole warps are known")]
    public void WhatIsNotUnderstoodIsAnError(string body, string what) =>
        Assert.Contains(what, Assert.Throws<PtxException>(() => Run(body)).Message, StringComparison.Ordinal);

    // %rd2 is the address of the first word of the result.
    [Theory]
    [InlineData("st.global.u32 [%rd2], %r9;\nret;", 1, "thread 1 writes global address")]
    [InlineData("st.global.u32 [%rd3], %r9;\nld.global.u32 %r1, [%rd7];\nret;", 1, "thread 32 writes global address", "where thread 0, with no barrier between, read")]
    [InlineData("ld.global.u32 %r1, [%rd2];\nst.global.u32 [%rd3], %r9;\nret;", 1, "thread 0 writes global address", "where other threads, with no barrier between, read")]
    [InlineData("ld.global.u32 %r1, [%rd7];\nst.global.u32 [%rd3], %r9;\nret;", 1, "thread 32 reads global address", "where thread 0, with no barrier between, wrote")]
    [InlineData("st.global.u32 [%rd3], %r9;\nret;", 2, "writes global address", "where another block of the launch wrote")]
    [InlineData("bar.sync 0;\nst.global.u32 [%rd3], %r9;\nbar.sync 0;\nret;", 3, "writes global address", "where another block of the launch wrote")]
    [InlineData("mov.u32 %r1, %ctaid.x;\nsetp.eq.s32 %p1, %r1, 1;\n@%p1 bra $write;\nld.global.u32 %r1, [%rd3];\nret;\n$write:\nst.global.u32 [%rd3], %r9;\nret;", 2, "global address", "where another block of the launch")]
    public void RacesInGlobalMemoryAreNamed(string body, int blocks, params string[] what)
    {
        foreach (var reverse in new[] { false, true })
        {
            var message = Assert.Throws<PtxException>(() => Run(body, blocks, reverse)).Message;
            Assert.Contains("race: ", message, StringComparison.Ordinal);
            Assert.All(what, part => Assert.Contains(part, message, StringComparison.Ordinal));
        }
    }

    [Theory]
    [InlineData("st.global.u32 [%rd3], %r9;\nbar.sync 0;\nld.global.u32 %r1, [%rd7];\nbar.sync 0;\nst.global.u32 [%rd3], %r1;\nret;", 1)]
    [InlineData("ld.global.u32 %r1, [%rd3];\nst.global.u32 [%rd3], %r9;\nld.global.u32 %r1, [%rd3];\nret;", 1)]
    [InlineData("ld.global.u32 %r1, [%rd2];\nld.global.u32 %r1, [%rd7];\nret;", 3)]
    public void WhatIsOrderedIsNoRace(string body, int blocks)
    {
        _ = Run(body, blocks);
        _ = Run(body, blocks, launches: 2);
    }

    // Runs blocks of 64 threads. %r9 is the thread, %rd3 the address of its word of the result, %rd7 of that of thread n ^ 32, %rd4 shared memory of 64 words and
    // %rd5 the thread's word of it.
    private static uint[] Run(string body, int blocks = 1, bool reverse = false, int launches = 1)
    {
        var ptx = $$"""
            .version 7.0
            .target sm_80
            .visible .entry k(
            .param .u64 k_param_0
            )
            .maxntid 64, 1, 1
            {
            .reg .b32 %r<10>;
            .reg .b64 %rd<10>;
            .shared .align 16 .b8 buffer[256];
            mov.u32 %r9, %tid.x;
            ld.param.u64 %rd1, [k_param_0];
            cvta.to.global.u64 %rd2, %rd1;
            mul.wide.u32 %rd6, %r9, 4;
            add.s64 %rd3, %rd2, %rd6;
            mov.u64 %rd4, buffer;
            add.s64 %rd5, %rd4, %rd6;
            xor.b64 %rd8, %rd6, 128;
            add.s64 %rd7, %rd2, %rd8;
            {{body.ReplaceLineEndings("\n")}}
            }
            """;
        var memory = new GlobalMemory();
        var address = memory.Allocate(256);
        try
        {
            for (var n = 0; n < launches; n++)
                Launch.Run(PtxParser.Parse(ptx)["k"], new((uint)blocks, 1, 1), 64, BitConverter.GetBytes(address), memory, reverse);
            unsafe
            {
                return new ReadOnlySpan<uint>((void*)address, 64).ToArray();
            }
        }
        finally
        {
            memory.Free(address);
        }
    }
}
