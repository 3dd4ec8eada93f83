using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>Phi-3 and Phi-4: Llama's blocks, with q, k and v stored as one matrix, gate and up as another; attention windows, and rotary angles that depend on the length of a prompt.</summary>
internal sealed class Phi3Family : LlamaNamedFamily
{
    internal override string ModelType => "phi3";
    internal override IReadOnlyList<string> Architectures { get; } = ["Phi3ForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var (width, heads, headDim) = ReadHeadsOfAnyWidth(file);
        file.Require("attention_bias", false);
        var config = Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = ReadKeyValueHeads(file, heads, heads),
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.ReadPartial(file, headDim, "rope_theta", "partial_rotary_factor", 1),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        return config with { Windows = AttentionWindows.InEveryLayer(file, config.Layers, otherwise: null) };
    }

    protected override string FusedProjection => "qkv_proj";
    protected override (string[] Up, string Down) MlpNames => (["gate_up_proj"], "down_proj");
}
