using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>SmolLM3: Llama's blocks and names, with layers in between that know no positions.</summary>
internal sealed class SmolLm3Family : LlamaNamedFamily
{
    internal override string ModelType => "smollm3";
    internal override IReadOnlyList<string> Architectures { get; } = ["SmolLM3ForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int KeyValueHeadsOfTransformers = 4; // where the file does not say
        var (width, heads, headDim) = ReadHeadsOfAnyWidth(file);
        var config = Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = ReadKeyValueHeads(file, heads, file.IsNull("num_key_value_heads") ? heads : KeyValueHeadsOfTransformers),
            HeadDim = headDim,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.RmsNorm,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-6),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        var rotates = ReadRotatingLayers(file, config.Layers);
        var rotary = RotarySettings.Read(file, headDim);
        var window = file.Flag("use_sliding_window", false) ? AttentionWindows.Read(file, otherwise: null) : null;
        return config with
        {
            Rotary = new(Array.ConvertAll(rotates, does => does ? rotary : null)),
            Windows = AttentionWindows.ByType(file, config.Layers, window, l => !rotates[l]),
        };
    }

    /// <summary>Which layers rotate: 1 in no_rope_layers, whatever the name says; without the list all but every so many-th.</summary>
    private static bool[] ReadRotatingLayers(ConfigFile file, int layers)
    {
        const string Key = "no_rope_layers";
        if (!file.Has(Key))
        {
            var interval = file.Size("no_rope_layer_interval", 4);
            return [.. Enumerable.Range(1, layers).Select(number => number % interval != 0)];
        }
        var flags = file.Bits(Key);
        return flags.Length >= layers ? flags[..layers] : throw file.Unsupported(Key, $"0 or 1 for each of {layers} layers");
    }

    protected override Biases BiasesOf(ConfigFile file)
    {
        var has = file.Flag("attention_bias", false);
        return new(has, has, file.Flag("mlp_bias", false));
    }
}
