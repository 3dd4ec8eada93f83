namespace Faith.Engine.Models;

/// <summary>Gemma 2: windows in every other layer from the first on, capped scores and logits.</summary>
internal sealed class Gemma2Family : NormedGemmaFamily
{
    internal override string ModelType => "gemma2";
    internal override IReadOnlyList<string> Architectures { get; } = ["Gemma2ForCausalLM"];
    protected override (float? Scores, float? Logits) Caps => (50, 30);
    protected override int ContextOfTransformers => 8192;
    protected override bool Slides(ConfigFile file, int layer) => layer % 2 == 0;
    protected override ModelConfig Finish(ConfigFile file, ModelConfig config) => config with { Rotary = RotarySettings.Read(file, config.HeadDim) };
}
