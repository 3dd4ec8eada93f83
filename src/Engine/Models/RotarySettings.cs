namespace Faith.Engine.Models;

/// <summary>Reads what a config.json says about rotary positions. Newer files keep everything in rope_parameters, older ones split it into keys of their own and rope_scaling.</summary>
internal static class RotarySettings
{
    /// <summary>The rotary embedding of heads of <paramref name="headDim"/> columns that all turn.</summary>
    internal static RotaryConfig Read(ConfigFile file, int headDim)
    {
        if (headDim % 2 != 0) throw file.Bad($"the heads have {headDim} columns (head_dim, or hidden_size / num_attention_heads); supported: an even number");
        var section = Section(file);
        foreach (var place in section is null ? [file] : new[] { file, section })
        {
            if (place.Positive("partial_rotary_factor", 1) != 1) throw place.Unsupported("partial_rotary_factor", "1");
        }
        return Scaled(file, new RotaryConfig(Setting(file, "rope_theta", "rope_theta", 10000).Value, headDim));
    }

    /// <summary>The same of heads of which a share turns.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="headDim">Columns of a head.</param>
    /// <param name="thetaKey">Older name of rope_theta.</param>
    /// <param name="shareKey">Older name of partial_rotary_factor.</param>
    /// <param name="share">The share where the file does not say.</param>
    internal static RotaryConfig ReadPartial(ConfigFile file, int headDim, string thetaKey, string shareKey, double share)
    {
        var theta = Setting(file, "rope_theta", thetaKey, 10000);
        var (part, place, key) = Setting(file, "partial_rotary_factor", shareKey, share);
        var turning = Math.Min(headDim * part, int.MaxValue);
        var columns = (int)turning;
        if (columns < 2 || columns % 2 != 0 || columns > headDim) throw place.Unsupported(key, $"an even number of the {headDim} columns of a head");
        return Scaled(file, new RotaryConfig(theta.Value, columns));
    }

    private static string SectionKey(ConfigFile file) => file.Has("rope_parameters") ? "rope_parameters" : "rope_scaling";

    private static ConfigFile? Section(ConfigFile file) => file.Section(SectionKey(file));

    /// <summary>A number of the section, else of the file under its older or its newer name, and where it stands.</summary>
    private static (double Value, ConfigFile Place, string Key) Setting(ConfigFile file, string key, string older, double otherwise)
    {
        if (Section(file) is { } section && section.Has(key)) return (section.Positive(key), section, key);
        // Which of two names wins differs between versions of what wrote the file.
        if (older != key && file.Has(older) && file.Has(key) && file.Positive(older) != file.Positive(key)) throw file.Unsupported(key, $"the value of {older}, or none");
        var name = file.Has(key) && !file.Has(older) ? key : older;
        return (file.Positive(name, otherwise), file, name);
    }

    private static RotaryConfig Scaled(ConfigFile file, RotaryConfig rotary)
    {
        if (Section(file) is not { } section) return rotary;
        var typeKey = section.Has("rope_type") ? "rope_type" : "type";
        switch (section.Text(typeKey))
        {
            case "default":
                return rotary;
            case null when SectionKey(file) == "rope_parameters":
                return rotary;
            case "llama3":
                var low = section.Positive("low_freq_factor");
                var high = section.Positive("high_freq_factor");
                if (low >= high) throw section.Unsupported("high_freq_factor", $"more than low_freq_factor = {low}");
                var factor = section.Positive("factor");
                if (factor < 1) throw section.Unsupported("factor", "at least 1");
                return rotary with
                {
                    Scaling = new Llama3Scaling(factor, low, high, section.Length("original_max_position_embeddings")),
                };
            default:
                throw section.Unsupported(typeKey, "default, llama3");
        }
    }
}
