using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>StarCoder2: Llama's attention and names between norms of the LayerNorm kind, an MLP without a gate, biases, and an attention window.</summary>
internal sealed class Starcoder2Family : LlamaNamedFamily
{
    internal override string ModelType => "starcoder2";
    internal override IReadOnlyList<string> Architectures { get; } = ["Starcoder2ForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int KeyValueHeadsOfTransformers = 2; // where the file does not say
        var (width, heads, headDim) = ReadHeads(file);
        var keyValueHeads = ReadKeyValueHeads(file, heads, KeyValueHeadsOfTransformers);
        if ((file.Text("mlp_type") ?? "default") != "default") throw file.Unsupported("mlp_type", "default");
        if ((file.Text("norm_type") ?? "layer_norm") != "layer_norm") throw file.Unsupported("norm_type", "layer_norm");
        var config = Checked(file, new ModelConfig
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
            NormEpsilon = file.Epsilon("norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "gelu_pytorch_tanh"),
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        return config with { Windows = AttentionWindows.InEveryLayer(file, config.Layers, otherwise: null) };
    }

    protected override (string[] Up, string Down) MlpNames => (["c_fc"], "c_proj");

    protected override Biases BiasesOf(ConfigFile file)
    {
        var has = file.Flag("use_bias", true);
        return new(has, has, has);
    }
}
