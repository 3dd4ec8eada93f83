namespace Faith.Engine.Models;

/// <summary>
/// The attention windows of a model's layers, as configurations spell them. Layers are of the types full_attention and sliding_attention. Their
/// number is one that has been checked: lists as long are made of it.
/// </summary>
internal static class AttentionWindows
{
    private const string Key = "sliding_window", Types = "layer_types", Full = "full_attention", Slide = "sliding_attention";

    /// <summary>Of a family without windows none.</summary>
    internal static IReadOnlyList<int?>? None(ConfigFile file, int layers)
    {
        if (ReadTypes(file, layers)?.Contains(Slide) is true) throw file.Unsupported(Types, Full);
        return null;
    }

    /// <summary>Of a family whose layers all have the window of the file: that of sliding_window, where it is null none.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="otherwise">The window where the file does not say; null: none.</param>
    internal static IReadOnlyList<int?>? InEveryLayer(ConfigFile file, int layers, int? otherwise)
    {
        var window = Read(file, otherwise);
        if (window is null) return None(file, layers);
        if (ReadTypes(file, layers)?.Contains(Full) is true) throw file.Unsupported(Types, $"{Slide} beside a {Key}, which all layers of this family have");
        return [.. Enumerable.Repeat(window, layers)];
    }

    /// <summary>Of a family whose files may say by layer_types which layers have a window.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="window">The window; null: no layer has one.</param>
    /// <param name="slides">Which layers have it where the file does not say.</param>
    internal static IReadOnlyList<int?>? ByType(ConfigFile file, int layers, int? window, Func<int, bool> slides)
    {
        if (window is null) return None(file, layers);
        int?[] windows = [.. Sliding(file, layers, slides).Select(isSliding => isSliding ? window : null)];
        return Array.TrueForAll(windows, w => w is null) ? null : windows;
    }

    /// <summary>Of Qwen2 and Qwen3, whose files state a window even where the switch for it is off, as it is unless given; it is that of the later layers.</summary>
    internal static IReadOnlyList<int?>? OfQwen(ConfigFile file, int layers)
    {
        const int WindowOfTransformers = 4096, FullLayersOfTransformers = 28; // where the file does not say
        var window = file.Flag("use_sliding_window", false) ? Read(file, WindowOfTransformers) : null;
        var full = file.Count("max_window_layers", FullLayersOfTransformers);
        return ByType(file, layers, window, l => l >= full);
    }

    /// <summary>Which layers are of the type with a window, whether or not the file has one.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="layers">Number of layers.</param>
    /// <param name="slides">Which are where the file does not say.</param>
    internal static bool[] Sliding(ConfigFile file, int layers, Func<int, bool> slides)
    {
        var types = ReadTypes(file, layers);
        return [.. Enumerable.Range(0, layers).Select(l => types is null ? slides(l) : types[l] == Slide)];
    }

    /// <summary>The window that a file says, null for none.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="otherwise">The window where the file does not say; null: none.</param>
    internal static int? Read(ConfigFile file, int? otherwise) => file.Has(Key) ? file.Length(Key) : file.IsNull(Key) ? null : otherwise;

    private static string[]? ReadTypes(ConfigFile file, int layers)
    {
        if (!file.Has(Types)) return null;
        var types = file.Texts(Types);
        if (types.Length != layers || !Array.TrueForAll(types, type => type is Full or Slide)) throw file.Unsupported(Types, $"one of {Full}, {Slide} for each of {layers} layers");
        return types;
    }
}
