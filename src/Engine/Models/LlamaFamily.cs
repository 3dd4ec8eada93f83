using Faith.Kernels;
namespace Faith.Engine.Models;

/// <summary>
/// Llama and the families that share its blocks (Mistral, Qwen2): rotary positions, RMSNorm, gated MLP, grouped heads, matrices
/// stored as [out × in]. They differ in which biases they have and in attention windows.
/// </summary>
internal sealed class LlamaFamily(string modelType) : LlamaNamedFamily
{
    internal override string ModelType => modelType;

    internal override IReadOnlyList<string> Architectures { get; } = modelType switch
    {
        "mistral" => ["MistralForCausalLM"],
        "qwen2" => ["Qwen2ForCausalLM"],
        _ => ["LlamaForCausalLM"],
    };

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        if ((file.Text("hidden_act") ?? "silu") is not ("silu" or "swish")) throw file.Unsupported("hidden_act", "silu");
        var (width, heads, headDim) = ReadHeadsOfAnyWidth(file);
        var keyValueHeads = ReadKeyValueHeads(file, heads, heads);
        CheckBiases(file);
        var config = Checked(file, new ModelConfig
        {
            Family = modelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = keyValueHeads,
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-6),
            Activation = ActivationFunction.Silu,
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        return config with { Windows = ReadWindows(file, config.Layers) };
    }

    private IReadOnlyList<int?>? ReadWindows(ConfigFile file, int layers)
    {
        const int WindowOfMistral = 4096; // where the file does not say
        return modelType switch
        {
            "mistral" => AttentionWindows.InEveryLayer(file, layers, WindowOfMistral),
            "qwen2" => AttentionWindows.OfQwen(file, layers),
            _ => AttentionWindows.None(file, layers),
        };
    }

    private void CheckBiases(ConfigFile file)
    {
        // Only Llama's modelling code reads these keys; elsewhere a value that it would not follow is refused.
        if (modelType == "llama") return;
        if (file.Has("attention_bias")) file.Require("attention_bias", modelType == "qwen2");
        file.Require("mlp_bias", false);
    }

    protected override Biases BiasesOf(ConfigFile file) => modelType switch
    {
        "qwen2" => new Biases(QueryKeyValue: true, Output: false, Mlp: false),
        "llama" => new Biases(file.Flag("attention_bias", false), file.Flag("attention_bias", false), file.Flag("mlp_bias", false)),
        _ => default,
    };
}
