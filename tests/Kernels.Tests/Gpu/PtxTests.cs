using System.Text.RegularExpressions;
using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;
using ILGPU;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>The PTX that ILGPU makes of the kernels: what it must not contain, and what every GPU can hold.</summary>
public sealed class PtxTests
{
    private static readonly Lazy<(string Name, string Ptx)[]> All = new(() => [.. GpuPtx.All()]);

    public static TheoryData<string> Kernels => [.. GpuKernel.All.Select(k => k.Name)];

    private static string Ptx(string kernel) => All.Value.Single(k => k.Name == kernel).Ptx;

    [Fact]
    public void NamesAreDistinct() => Assert.Equal(GpuKernel.All.Count, GpuKernel.All.Select(k => k.Name).Distinct().Count());

    /// <summary>The driver may fuse a product and a sum that do not say how they are rounded, and then the bits are others.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void EverySumAndProductSaysHowItIsRounded(string kernel) => Assert.DoesNotMatch(@"\b(add|sub|mul|mad|fma|div|rcp|sqrt)(\.ftz)?\.f(32|64)\b|\.approx", Ptx(kernel));

    /// <summary>Arrays and what is indexed by a variable would lie in memory.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void NothingOfAThreadLiesInMemory(string kernel) => Assert.DoesNotContain(".local", Ptx(kernel), StringComparison.Ordinal);

    /// <summary>
    /// Shared memory is addressed as such. A branch in a loop makes ILGPU lose sight of what a view is a view of, and then it asks at every access.
    /// </summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void SharedMemoryIsKnownToBeShared(string kernel) => Assert.DoesNotContain("cvta.shared", Ptx(kernel), StringComparison.Ordinal);

    /// <summary>Only instructions that the interpreter knows, 48 KiB of shared memory, and blocks of at most 1024 threads.</summary>
    [Theory]
    [MemberData(nameof(Kernels))]
    public void EveryGpuCanHoldIt(string kernel)
    {
        _ = PtxParser.Parse(Ptx(kernel));
        Assert.InRange(Regex.Matches(Ptx(kernel), @"\.shared \.align \d+ \.b8 \w+\[(\d+)\]").Sum(m => int.Parse(m.Groups[1].Value, System.Globalization.CultureInfo.InvariantCulture)), 0, 48 << 10);
        Assert.InRange(GpuKernel.All.Single(k => k.Name == kernel).Threads, 32, 1024);
    }

    /// <summary>A driver knows by a kernel's text what it has compiled already.</summary>
    [Fact]
    public void TheTextIsTheSameEveryTime() => Assert.Equal(All.Value, GpuPtx.All());

    /// <summary>ILGPU's stronger optimizations move address arithmetic, divisions and square roots into loops; the kernels for OpenCL need them.</summary>
    [Theory]
    [InlineData(GpuKind.Cuda, OptimizationLevel.O1)]
    [InlineData(GpuKind.OpenCl, OptimizationLevel.O2)]
    public void KernelsAreOptimizedAsTheirKindNeeds(GpuKind kind, OptimizationLevel level)
    {
        using var context = GpuDevices.NewContext(kind);
        Assert.Equal(level, context.Properties.OptimizationLevel);
    }

    /// <summary>bench/gpu/registers.tsv has a row for every kernel; what ptxas says of it CI compares.</summary>
    [Fact]
    public void EveryKernelHasBeenAssembled() =>
        Assert.Equal(GpuKernel.All.Select(k => k.Name).Order(StringComparer.Ordinal), File.ReadLines(Path.Combine(Repository.Root, "bench", "gpu", "registers.tsv")).Skip(2).Select(row => row.Split('\t')[0]).Order(StringComparer.Ordinal));
}
