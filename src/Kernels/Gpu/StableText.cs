using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU;
using ILGPU.Backends;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;

namespace Faith.Kernels.Gpu;

/// <summary>
/// A kernel's text, by which drivers know what they have compiled already. ILGPU numbers names through a process, and what it keeps of functions that an earlier kernel had changes the
/// order of instructions. So it keeps nothing from one kernel to the next, and names are numbered anew, in the order in which they come in the text.
/// </summary>
internal static partial class StableText
{
    private static readonly FieldInfo Ptx = FieldOf(typeof(PTXCompiledKernel), nameof(PTXCompiledKernel.PTXAssembly)), OpenCl = FieldOf(typeof(CLCompiledKernel), nameof(CLCompiledKernel.Source));

    /// <summary>Compiles a kernel as if it were the first.</summary>
    public static CompiledKernel Of(Context context, Func<CompiledKernel> compile)
    {
        context.ClearCache(ClearCacheMode.Everything);
        var kernel = compile();
        if (Field(kernel) is { } text) text.SetValue(kernel, Renumbered((string)text.GetValue(kernel)!));
        return kernel;
    }

    /// <summary>What a driver gets, or null where there is no text.</summary>
    public static string? Read(CompiledKernel kernel) => (string?)Field(kernel)?.GetValue(kernel);

    private static FieldInfo? Field(CompiledKernel kernel) => kernel switch { PTXCompiledKernel => Ptx, CLCompiledKernel => OpenCl, _ => null };

    // ILGPU lets nobody set it.
    private static FieldInfo FieldOf(Type kernel, string property) =>
        kernel.GetField($"<{property}>k__BackingField", BindingFlags.Instance | BindingFlags.NonPublic) ?? throw new MissingFieldException(kernel.Name, property);

    private static string Renumbered(string text)
    {
        var numbers = new Dictionary<string, int>();
        return Number().Replace(text, match =>
        {
            if (!numbers.TryGetValue(match.Value, out var number)) numbers.Add(match.Value, number = numbers.Count);
            return number.ToString(CultureInfo.InvariantCulture);
        });
    }

    // Behind an underscore; sm_80 is none of ILGPU's.
    [GeneratedRegex(@"(?<=_)(?<!sm_)\d+")]
    private static partial Regex Number();
}
