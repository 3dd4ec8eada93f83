namespace Faith.Engine.Models;

/// <summary>Reads what a config.json says about rotary positions. Newer files keep everything in rope_parameters, older ones split it into keys of their own and rope_scaling.</summary>
internal static class RotarySettings
{
    private const double UsualTheta = 10000;

    /// <summary>The rotary embedding of heads of <paramref name="headDim"/> columns that all turn.</summary>
    internal static RotaryConfig Read(ConfigFile file, int headDim)
    {
        var section = Section(file);
        return ReadWhole(file, headDim, section, Setting(file, section, "rope_theta", "rope_theta", UsualTheta).Value);
    }

    /// <summary>The same of the layers of one kind, in files that keep it apart for each.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="headDim">Columns of a head.</param>
    /// <param name="layerType">The kind, a key of rope_parameters.</param>
    /// <param name="thetaKey">Older name of its rope_theta.</param>
    /// <param name="theta">The base where the file does not say.</param>
    /// <param name="isScaled">Whether an older file's rope_scaling is for these layers.</param>
    internal static RotaryConfig ReadOfLayers(ConfigFile file, int headDim, string layerType, string thetaKey, double theta, bool isScaled)
    {
        ConfigFile? section = isScaled ? file.Section("rope_scaling") : null;
        if (file.Section("rope_parameters") is { } all) section = all.Section(layerType) ?? throw file.Unsupported("rope_parameters", $"an object with {layerType}");
        return ReadWhole(file, headDim, section, section is not null && section.Has("rope_theta") ? section.Positive("rope_theta") : file.Positive(thetaKey, theta));
    }

    /// <summary>The same of heads of which a share turns.</summary>
    /// <param name="file">The configuration.</param>
    /// <param name="headDim">Columns of a head.</param>
    /// <param name="thetaKey">Older name of rope_theta.</param>
    /// <param name="shareKey">Older name of partial_rotary_factor.</param>
    /// <param name="share">The share where the file does not say.</param>
    internal static RotaryConfig ReadPartial(ConfigFile file, int headDim, string thetaKey, string shareKey, double share)
    {
        var section = Section(file);
        var theta = Setting(file, section, "rope_theta", thetaKey, UsualTheta);
        var (part, place, key) = Setting(file, section, "partial_rotary_factor", shareKey, share);
        var turning = Math.Min(headDim * part, int.MaxValue);
        var columns = (int)turning;
        if (columns < 2 || columns % 2 != 0 || columns > headDim) throw place.Unsupported(key, $"an even number of the {headDim} columns of a head");
        return Scaled(file, section, new RotaryConfig(theta.Value, columns));
    }

    private static RotaryConfig ReadWhole(ConfigFile file, int headDim, ConfigFile? section, double theta)
    {
        if (headDim % 2 != 0) throw file.Bad($"the heads have {headDim} columns (head_dim, or hidden_size / num_attention_heads); supported: an even number");
        foreach (var place in section is null ? [file] : new[] { file, section })
        {
            if (place.Positive("partial_rotary_factor", 1) != 1) throw place.Unsupported("partial_rotary_factor", "1");
        }
        return Scaled(file, section, new RotaryConfig(theta, headDim));
    }

    private static ConfigFile? Section(ConfigFile file) => file.Section(file.Has("rope_parameters") ? "rope_parameters" : "rope_scaling");

    /// <summary>A number of the section, else of the file under its older or its newer name, and where it stands.</summary>
    private static (double Value, ConfigFile Place, string Key) Setting(ConfigFile file, ConfigFile? section, string key, string older, double otherwise)
    {
        if (section is not null && section.Has(key)) return (section.Positive(key), section, key);
        // Which of two names wins differs between versions of what wrote the file.
        if (older != key && file.Has(older) && file.Has(key) && file.Positive(older) != file.Positive(key)) throw file.Unsupported(key, $"the value of {older}, or none");
        var name = file.Has(key) && !file.Has(older) ? key : older;
        return (file.Positive(name, otherwise), file, name);
    }

    private static RotaryConfig Scaled(ConfigFile file, ConfigFile? section, RotaryConfig rotary)
    {
        if (section is null) return rotary;
        var typeKey = section.Has("rope_type") ? "rope_type" : "type";
        return section.Text(typeKey) switch
        {
            "default" => rotary,
            null when file.Has("rope_parameters") => rotary,
            "linear" => rotary with { Scaling = new LinearScaling(section.Positive("factor")) },
            "llama3" => rotary with { Scaling = ReadLlama3(section) },
            "yarn" => rotary with { Scaling = ReadYarn(file, section) },
            "longrope" or "su" => rotary with { Scaling = ReadLongRope(file, section, rotary.Dimensions / 2) },
            _ => throw section.Unsupported(typeKey, "default, linear, llama3, yarn, longrope (su)"),
        };
    }

    private static Llama3Scaling ReadLlama3(ConfigFile section)
    {
        var low = section.Positive("low_freq_factor");
        var high = section.Positive("high_freq_factor");
        if (low >= high) throw section.Unsupported("high_freq_factor", $"more than low_freq_factor = {low}");
        var factor = section.Positive("factor");
        if (factor < 1) throw section.Unsupported("factor", "at least 1");
        return new Llama3Scaling(factor, low, high, section.Length("original_max_position_embeddings"));
    }

    private static YarnScaling ReadYarn(ConfigFile file, ConfigFile section)
    {
        var factor = section.Positive("factor");
        double? Optional(string key) => section.Has(key) ? section.Positive(key) : null;
        var (scale, scaleOfAll) = (Optional("mscale"), Optional("mscale_all_dim"));
        var usual = scale is { } a && scaleOfAll is { } b
            ? YarnScaling.UsualAttentionFactor(factor, a) / YarnScaling.UsualAttentionFactor(factor, b)
            : YarnScaling.UsualAttentionFactor(factor);
        return new YarnScaling(factor, OriginalContext(file, section).Value, section.Positive("beta_fast", 32), section.Positive("beta_slow", 1),
            section.Positive("attention_factor", usual), section.Flag("truncate", true));
    }

    private static LongRopeScaling ReadLongRope(ConfigFile file, ConfigFile section, int pairs)
    {
        double[] Divisors(string key)
        {
            var values = section.Positives(key);
            return values.Length == pairs ? values : throw section.Unsupported(key, $"a list of {pairs} positive numbers, one for every pair of columns that turns");
        }
        var (original, place) = OriginalContext(file, section);
        var ratio = (double)file.Length("max_position_embeddings") / original;
        var factor = section.Positive("factor", ratio);
        // Of the two, different versions of transformers take different ones.
        if (ReferenceEquals(place, file) && factor != ratio) throw section.Unsupported("factor", $"max_position_embeddings / original_max_position_embeddings = {ratio}, or none");
        if (original == 1 && !section.Has("attention_factor")) throw place.Unsupported("original_max_position_embeddings", "at least 2");
        return new LongRopeScaling(Divisors("short_factor"), Divisors("long_factor"), original,
            section.Positive("attention_factor", LongRopeScaling.UsualAttentionFactor(factor, original)));
    }

    /// <summary>The context before the scaling, where a file says it twice the one outside of the section, and where that stands.</summary>
    private static (int Value, ConfigFile Place) OriginalContext(ConfigFile file, ConfigFile section)
    {
        const string Key = "original_max_position_embeddings";
        return file.Has(Key) ? (file.Length(Key), file) : section.Has(Key) ? (section.Length(Key), section) : (file.Length("max_position_embeddings"), section);
    }
}
