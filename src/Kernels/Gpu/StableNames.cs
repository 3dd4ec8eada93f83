using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using ILGPU.Backends;
using ILGPU.Backends.OpenCL;
using ILGPU.Backends.PTX;

namespace Faith.Kernels.Gpu;

/// <summary>
/// The names in a kernel's text. ILGPU numbers them through a process, so that the text depends on what was compiled before; but drivers know by its text what they have
/// compiled already. So they are numbered anew, in the order in which they come in the text.
/// </summary>
internal static partial class StableNames
{
    private static readonly FieldInfo Ptx = TextOf(typeof(PTXCompiledKernel), nameof(PTXCompiledKernel.PTXAssembly)), OpenCl = TextOf(typeof(CLCompiledKernel), nameof(CLCompiledKernel.Source));

    /// <summary>Gives a compiled kernel the names that it always has.</summary>
    public static CompiledKernel Renumber(CompiledKernel kernel)
    {
        if (Field(kernel) is { } text) text.SetValue(kernel, Renumbered((string)text.GetValue(kernel)!));
        return kernel;
    }

    /// <summary>What a driver gets, or null where there is no text.</summary>
    public static string? Text(CompiledKernel kernel) => (string?)Field(kernel)?.GetValue(kernel);

    private static FieldInfo? Field(CompiledKernel kernel) => kernel switch { PTXCompiledKernel => Ptx, CLCompiledKernel => OpenCl, _ => null };

    // ILGPU lets nobody set it.
    private static FieldInfo TextOf(Type kernel, string property) =>
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
