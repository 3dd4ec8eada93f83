using System.Text.RegularExpressions;
using Faith.Kernels.Cuda;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>An operation is found by its name: X.cu holds its kernels, CudaDevice.X.cs beside it launches them, and Host/X.cs is its host twin.</summary>
public sealed partial class LayoutTests
{
    private static readonly string Kernels = Path.Combine(Repository.Root, "src", "Kernels"), Cuda = Path.Combine(Kernels, "Cuda");

    // All but kernels.cu, which includes them.
    private static readonly string[] Sources =
        [.. Directory.GetFiles(Cuda, "*.cu").Where(f => Path.GetExtension(f) == ".cu").Select(f => Path.GetFileNameWithoutExtension(f)).Where(n => n != "kernels").Order(StringComparer.Ordinal)];

    private static readonly IReadOnlyCollection<string> Shipped = PtxParser.Parse(CudaModule.EmbeddedPtx()).Keys;

    private static string Launcher(string source) => $"CudaDevice.{Operation(source)}.cs";

    // Kernels of one operation that stand in several files.
    private static string Operation(string source) => source switch
    {
        "Gelu" or "SwiGlu" => "Activation",
        "AttentionValuesBackward" => "AttentionBackward",
        _ => source,
    };

    [Fact]
    public void EveryKernelIsInOneFile()
    {
        foreach (var kernel in Shipped)
        {
            var found = Sources.Where(source => KernelsOf(source).Contains(kernel)).ToArray();
            Assert.True(found.Length == 1, $"{kernel} is defined in [{string.Join(", ", found)}], which should be one .cu");
        }
        foreach (var source in Sources)
            Assert.True(KernelsOf(source).Any(), $"kernels.ptx has no kernel of {source}.cu: kernels.cu includes all; what several share is a .cuh");
    }

    [Fact]
    public void EveryKernelIsLaunchedBesideIt()
    {
        var named = Directory.GetFiles(Cuda, "*.cs").ToDictionary(f => Path.GetFileName(f), f => Literal().Matches(File.ReadAllText(f)).Select(m => m.Groups[1].Value).ToHashSet());
        foreach (var source in Sources)
            foreach (var kernel in KernelsOf(source))
            {
                var found = named.Where(file => file.Value.Any(part => Names(part, kernel))).Select(file => file.Key);
                Assert.True(found.SequenceEqual([Launcher(source)]), $"{kernel} of {source}.cu is named in [{string.Join(", ", found)}], not in {Launcher(source)} alone");
            }

        // The name of a kernel, or of several the part before what the launcher chooses.
        static bool Names(string part, string kernel) => Shipped.Contains(part) ? kernel == part : kernel.StartsWith(part.TrimEnd('_') + '_', StringComparison.Ordinal);
    }

    [Fact]
    public void EveryOperationHasItsHostTwin()
    {
        foreach (var source in Sources)
        {
            var twin = Path.Combine(Kernels, "Host", $"{Operation(source)}.cs");
            var missing = Overrides(Path.Combine(Cuda, Launcher(source))).Except(File.Exists(twin) ? Overrides(twin) : []);
            Assert.True(!missing.Any(), $"{string.Join(", ", missing)} of {Launcher(source)} is not in src/Kernels/Host/{Operation(source)}.cs");
        }
    }

    private static IEnumerable<string> Overrides(string file) => Override().Matches(File.ReadAllText(file)).Select(m => m.Groups[1].Value).Distinct();

    // Shipped kernels that a source defines. Of those that a macro makes it has the part before the macro's argument, which ends with _.
    private static IEnumerable<string> KernelsOf(string source)
    {
        var names = Kernel().Matches(File.ReadAllText(Path.Combine(Cuda, $"{source}.cu"))).Select(m => m.Groups[1].Value).ToArray();
        return Shipped.Where(kernel => names.Any(name => name.EndsWith('_') ? kernel.StartsWith(name, StringComparison.Ordinal) : kernel == name));
    }

    [GeneratedRegex(@"\bKERNEL\([^)]*\) (\w+)")]
    private static partial Regex Kernel();

    [GeneratedRegex(@"""(\w+)[""{]")]
    private static partial Regex Literal();

    [GeneratedRegex(@"public override void (\w+)\(")]
    private static partial Regex Override();
}
