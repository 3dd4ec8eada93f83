using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>Gemma 3 with its vision tower, of which only the text is read: what a prompt without images runs through.</summary>
internal sealed class Gemma3MultimodalFamily : Gemma3Family
{
    internal override string ModelType => "gemma3";
    internal override IReadOnlyList<string> Architectures { get; } = ["Gemma3ForConditionalGeneration"];
    internal override string Inner => "language_model.model.";
    protected override IReadOnlyList<string> OtherParts { get; } = ["vision_tower.", "multi_modal_projector.", "model.vision_tower.", "model.multi_modal_projector."];

    // Published files say language_model.model., transformers 5 saves model.language_model.; the rest is what is left of these without
    // what all names have in common.
    protected override string Root(TensorTable tensors) => tensors.FirstOf(Inner, "model.language_model.", "language_model.", base.Inner);

    protected override (MatrixSource Embedding, MatrixSource Unembedding) ReadEmbeddings(ModelConfig config, TensorTable tensors, string root) =>
        tensors.Embeddings(config, root + Outer.Embedding, tensors.FirstOf("language_model." + Outer.Unembedding, Outer.Unembedding) is { Length: > 0 } name ? name : Outer.Unembedding);

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var config = base.ReadConfig(file.Section("text_config") ?? throw file.Unsupported("text_config", "an object that describes the text's model"));
        return config with { BeginToken = file.Token("bos_token_id") ?? config.BeginToken, EndToken = file.Token("eos_token_id") ?? config.EndToken };
    }
}
