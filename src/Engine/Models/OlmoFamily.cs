using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>OLMo (the first): Llama's matrices and names between norms of the LayerNorm kind that have no parameters.</summary>
internal sealed class OlmoFamily : LlamaNamedFamily
{
    internal override string ModelType => "olmo";
    internal override IReadOnlyList<string> Architectures { get; } = ["OlmoForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var (width, heads, headDim) = ReadHeads(file);
        var keyValueHeads = ReadKeyValueHeads(file, heads, heads);
        if (file.Has("clip_qkv")) throw file.Unsupported("clip_qkv", "null");
        file.Require("attention_bias", false);
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = 1e-5f, // no setting of the family
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    protected override (float[] Scale, float[]? Shift) ReadNorm(ModelConfig config, TensorTable tensors, string name)
    {
        var ones = new float[config.Width];
        Array.Fill(ones, 1);
        return (ones, null);
    }
}
