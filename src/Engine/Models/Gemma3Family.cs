namespace Faith.Engine.Models;

/// <summary>
/// Gemma 3, its text: windows in all layers but every sixth, which rotate by angles of their own, and a norm of every head's queries and keys.
/// </summary>
internal class Gemma3Family : NormedGemmaFamily
{
    internal override string ModelType => "gemma3_text";
    internal override IReadOnlyList<string> Architectures { get; } = ["Gemma3ForCausalLM"];
    protected override (float? Scores, float? Logits) Caps => (null, null);
    protected override int ContextOfTransformers => 131072;

    // Two names of one setting: what the published files say, and what transformers writes.
    protected override bool Slides(ConfigFile file, int layer)
    {
        const string Name = "sliding_window_pattern", Other = "_sliding_window_pattern";
        var pattern = file.Size(Name, file.Size(Other, 6));
        if (file.Size(Other, pattern) != pattern) throw file.Unsupported(Other, $"the value of {Name}, or none");
        return (layer + 1) % pattern != 0;
    }

    protected override int ReadVocabulary(ConfigFile file) => file.Size("vocab_size", 262208);

    protected override ModelConfig Finish(ConfigFile file, ModelConfig config)
    {
        var global = RotarySettings.ReadOfLayers(file, config.HeadDim, "full_attention", "rope_theta", 1e6, isScaled: true);
        var local = RotarySettings.ReadOfLayers(file, config.HeadDim, "sliding_attention", "rope_local_base_freq", 1e4, isScaled: false);
        var sliding = AttentionWindows.Sliding(file, config.Layers, l => Slides(file, l));
        return config with { QueryKeyNorm = QueryKeyNorm.Heads, Rotary = new([.. sliding.Select(slides => slides ? local : global)]) };
    }
}
