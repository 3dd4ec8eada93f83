using System.Globalization;
using System.Security.Cryptography;
using System.Text.RegularExpressions;
using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>The committed PTX: made from the sources as they are, all of it used, within limits, and described in docs/gpu.md.</summary>
[Collection("cuda")]
public sealed partial class CudaPtxTests(CudaFixture fixture)
{
    [Fact]
    public void ItIsMadeFromTheSources()
    {
        // As build-ptx.sh hashes them: *.cu, then *.cuh, each in the order of their names.
        var sources = ((string[])["*.cu", "*.cuh"]).SelectMany(pattern =>
            Directory.GetFiles(Path.Combine(Root(), "src", "Kernels", "Cuda"),
                pattern).Where(f => f.EndsWith(pattern[1..], StringComparison.Ordinal))
                .Order(StringComparer.Ordinal));
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var source in sources)
            hash.AppendData(System.Text.Encoding.UTF8.GetBytes(File.ReadAllText(source).ReplaceLineEndings("\n")));
        Assert.True(CudaModule.EmbeddedPtx().StartsWith($"// sources sha256 {Convert.ToHexStringLower(hash.GetHashAndReset())}",
            StringComparison.Ordinal),
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
    public void TheDocumentListsThem()
    {
        var registers = RegistersByKernel();
        var rows = Kernels().Values.Select(k => string.Create(CultureInfo.InvariantCulture,
            $"| {k.Name} | {k.MaxThreads} | {k.Shared.Sum(s => s.Size)} | {registers[k.Name]} |"));
        var document = File.ReadAllText(Path.Combine(Root(), "docs", "gpu.md")).ReplaceLineEndings("\n");
        var start = document.IndexOf("| kernel | threads |", StringComparison.Ordinal);
        var table = document[start..document.IndexOf("\n\n", start, StringComparison.Ordinal)].Split('\n')[2..];
        Assert.Equal(rows, table);
    }

    private static Dictionary<string, PtxKernel> Kernels() => PtxParser.Parse(CudaModule.EmbeddedPtx());

    // 32-bit words of the registers that a kernel declares.
    private static Dictionary<string, int> RegistersByKernel()
    {
        var counts = new Dictionary<string, int>();
        var kernel = "";
        foreach (var line in CudaModule.EmbeddedPtx().Split('\n'))
            if (Entry().Match(line) is { Success: true } entry)
                counts[kernel = entry.Groups[1].Value] = 0;
            else if (Registers().Match(line) is { Success: true } match)
                counts[kernel] += (int.Parse(match.Groups[2].Value,
                    CultureInfo.InvariantCulture) - 1) * (match.Groups[1].Value.EndsWith("64", StringComparison.Ordinal) ? 2 : 1);
        return counts;
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }

    [GeneratedRegex(@"\.entry (\w+)\(")]
    private static partial Regex Entry();
    [GeneratedRegex(@"\.reg \.([bf](?:16|32|64))\s+%\w+<(\d+)>")]
    private static partial Regex Registers();
}
