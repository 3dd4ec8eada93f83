namespace Faith.Engine.Models;

/// <summary>Gemma 3 with its vision tower, of which only the text is read: what a prompt without images runs through.</summary>
internal sealed class Gemma3MultimodalFamily : Gemma3Family
{
    internal override string ModelType => "gemma3";
    internal override IReadOnlyList<string> Architectures { get; } = ["Gemma3ForConditionalGeneration"];
    internal override string Inner => "language_model.model.";
    protected override IReadOnlyList<string> OtherParts { get; } = ["vision_tower.", "multi_modal_projector."];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var config = base.ReadConfig(file.Section("text_config") ?? throw file.Unsupported("text_config", "an object that describes the text's model"));
        return config with { BeginToken = file.Token("bos_token_id") ?? config.BeginToken, EndToken = file.Token("eos_token_id") ?? config.EndToken };
    }
}
