using System.Globalization;
using System.Security.Cryptography;
using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>The committed PTX: made from the sources as they are, all of it used, within limits, and described in docs/gpu.md.</summary>
[Collection("cuda")]
public sealed class CudaPtxTests(CudaFixture fixture)
{
    [Fact]
    public void ItIsMadeFromTheSources()
    {
        // As build-ptx.sh hashes them: *.cu, then *.cuh, each in the order of their names.
        var sources = ((string[])["*.cu", "*.cuh"]).SelectMany(pattern =>
            Directory.GetFiles(Path.Combine(Repository.Root, "src", "Kernels", "Cuda"),
                pattern).Where(f => f.EndsWith(pattern[1..], StringComparison.Ordinal))
                .Order(StringComparer.Ordinal));
        Assert.True(CudaModule.EmbeddedPtx().StartsWith($"// sources sha256 {Hash(sources.Select(File.ReadAllText))}", StringComparison.Ordinal),
            "kernels.ptx is stale: run src/Kernels/Cuda/build-ptx.sh");
    }

    [Fact]
    public void EveryKernelIsLaunchedByACase()
    {
        // One multiprocessor prefers the largest tile and very many the smallest.
        HashSet<string> launched = [];
        foreach (var multiprocessors in (int[])[1, 4, 10_000])
        {
            SimulatedGpu.Reset();
            SimulatedGpu.Multiprocessors = multiprocessors;
            SimulatedGpu.OnlyNoteLaunches = true;
            using var device = new CudaDevice(fixture.Driver, CudaDevices.Probe(fixture.Driver).Devices[0]);
            foreach (var test in OpCases.All)
            {
                using var arena = new DeviceArena(device);
                _ = test.Run(new(device, arena, seed: 7)).ToArray();
            }
            launched.UnionWith(SimulatedGpu.Launched);
        }
        SimulatedGpu.Reset();
        Assert.Empty(Kernels().Keys.Except(launched));
    }

    [Fact]
    public void KernelsStayWithinTheLimitsOfEveryGpu()
    {
        foreach (var kernel in Kernels().Values)
        {
            Assert.InRange(kernel.Shared.Sum(s => s.Size), 0, 48 * 1024);
            Assert.InRange(kernel.MaxThreads, 32, 1024);
            Assert.InRange(kernel.ParameterBytes, 1, 4096);
        }
        Assert.DoesNotMatch(@"\.extern|\.local|\batom\.|\bred\.", CudaModule.EmbeddedPtx());
    }

    [Fact]
    public void TheRegistersAreThoseOfThisPtx() =>
        Assert.True(Assembled()[0].EndsWith($", kernels.ptx sha256 {Hash([CudaModule.EmbeddedPtx()])}", StringComparison.Ordinal),
            "kernels.registers.tsv is of another kernels.ptx: run src/Kernels/Cuda/assemble-ptx.sh");

    // Without .rn the driver's compiler may fuse a product and a sum, another than the one of the day before, or in one kernel and not in another.
    [Fact]
    public void NothingIsLeftToTheDriverToFuse() => Assert.DoesNotMatch(@"\b(add|sub|mul)\.f32\b", CudaModule.EmbeddedPtx());

    [Fact]
    public void TheDocumentListsThem()
    {
        var columns = Assembled()[1].Split('\t');
        var (h100, rtx4090) = (Array.IndexOf(columns, "sm_90"), Array.IndexOf(columns, "sm_89"));
        var rows = string.Join('\n', Assembled()[2..].Select(l => l.Split('\t')).Zip(Kernels().Values, (row, kernel) =>
        {
            var shared = kernel.Shared.Sum(s => s.Size);
            Assert.Equal((kernel.Name, shared.ToString(CultureInfo.InvariantCulture)), (row[0], row[1]));
            var (onH100, onRtx4090) = (Blocks(kernel, row[h100], 64, 32, 228), Blocks(kernel, row[rtx4090], 48, 24, 100));
            var spills = Enumerable.Range(0, columns.Length).Where(i => columns[i] == "spills").Max(i => int.Parse(row[i], CultureInfo.InvariantCulture));
            return $"| {kernel.Name} | {kernel.MaxThreads} | {shared} | {row[h100]} | {onH100} | {row[rtx4090]} | {onRtx4090} | {spills} |";
        }));
        var document = File.ReadAllText(Path.Combine(Repository.Root, "docs", "gpu.md")).ReplaceLineEndings("\n");
        var start = document.IndexOf("| kernel | threads |", StringComparison.Ordinal);
        var table = document[start..document.IndexOf("\n\n", start, StringComparison.Ordinal)].Split('\n')[2..];
        Assert.True(string.Join('\n', table) == rows, $"docs/gpu.md: the table of kernels is now\n{rows}");
    }

    // Blocks that a multiprocessor of compute capability 8.x or 9.0 holds at once, from its limits in warps, blocks and KiB of shared
    // memory. A warp is given registers in portions of 256 from a quarter of 65,536; a block 1 KiB of shared memory besides its own.
    private static int Blocks(PtxKernel kernel, string registers, int mostWarps, int mostBlocks, int sharedKilobytes)
    {
        var (warps, ofWarp) = (kernel.MaxThreads / 32, (32 * int.Parse(registers, CultureInfo.InvariantCulture) + 255) / 256 * 256);
        var shared = (kernel.Shared.Sum(s => s.Size) + 127) / 128 * 128 + 1024;
        return new[] { mostBlocks, mostWarps / warps, 16384 / ofWarp * 4 / warps, 1024 * sharedKilobytes / shared }.Min();
    }

    // The lines of kernels.registers.tsv: ptxas and PTX, names of the columns, a kernel each.
    private static string[] Assembled() =>
        File.ReadAllText(Path.Combine(Repository.Root, "src", "Kernels", "Cuda", "kernels.registers.tsv")).ReplaceLineEndings("\n").TrimEnd('\n').Split('\n');

    private static string Hash(IEnumerable<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var text in texts)
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(text.ReplaceLineEndings("\n")));
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static Dictionary<string, PtxKernel> Kernels() => PtxParser.Parse(CudaModule.EmbeddedPtx());
}
