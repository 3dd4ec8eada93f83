namespace Faith.Engine.Models;

/// <summary>How the elements of a stored tensor are encoded, by the names that safetensors gives them.</summary>
public enum ElementType
{
    /// <summary>IEEE single precision.</summary>
    F32,
    /// <summary>IEEE half precision.</summary>
    F16,
    /// <summary>The upper half of a single.</summary>
    BF16,
    /// <summary>Any other encoding of the format: its size is known, its values are not read.</summary>
    Other,
}

/// <summary>Sizes of the encodings that the format knows.</summary>
internal static class ElementTypes
{
    /// <summary>Bits of one element, by name. The narrow ones are packed.</summary>
    private static readonly Dictionary<string, int> Bits = new(StringComparer.Ordinal)
    {
        ["F32"] = 32, ["F16"] = 16, ["BF16"] = 16,
        ["F64"] = 64, ["C64"] = 64, ["I64"] = 64, ["U64"] = 64, ["I32"] = 32, ["U32"] = 32, ["I16"] = 16, ["U16"] = 16,
        ["I8"] = 8, ["U8"] = 8, ["BOOL"] = 8, ["F8_E4M3"] = 8, ["F8_E5M2"] = 8, ["F8_E8M0"] = 8,
        ["F8_E4M3FNUZ"] = 8, ["F8_E5M2FNUZ"] = 8, ["F6_E2M3"] = 6, ["F6_E3M2"] = 6, ["F4"] = 4,
    };

    /// <summary>Every name, for messages.</summary>
    internal static string Known => string.Join(", ", Bits.Keys);

    /// <summary>Looks a name up.</summary>
    internal static bool TryFind(string name, out ElementType type, out int bits)
    {
        type = name switch
        {
            "F32" => ElementType.F32,
            "F16" => ElementType.F16,
            "BF16" => ElementType.BF16,
            _ => ElementType.Other,
        };
        return Bits.TryGetValue(name, out bits);
    }
}
