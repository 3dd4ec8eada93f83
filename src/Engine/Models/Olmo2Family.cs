namespace Faith.Engine.Models;

/// <summary>
/// OLMo 2: Llama's matrices and names; attention and MLP read the stream as it is, and what they put out is normed, as are the queries of all
/// heads together and the keys.
/// </summary>
internal sealed class Olmo2Family : LlamaNamedFamily
{
    internal override string ModelType => "olmo2";
    internal override IReadOnlyList<string> Architectures { get; } = ["Olmo2ForCausalLM"];
    protected override NormNames Norms => new(null, "post_attention_layernorm", null, "post_feedforward_layernorm");

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        var (width, heads, headDim) = ReadHeadsOfAnyWidth(file);
        return Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_hidden_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = ReadKeyValueHeads(file, heads, heads),
            HeadDim = headDim,
            QueryKeyNorm = QueryKeyNorm.Layer,
            MlpWidth = file.Size("intermediate_size"),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Length("max_position_embeddings"),
            Norm = NormKind.RmsNorm,
            NormsInputs = false,
            NormsOutputs = true,
            NormEpsilon = file.Epsilon("rms_norm_eps", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.Read(file, headDim),
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    protected override Biases BiasesOf(ConfigFile file)
    {
        var has = file.Flag("attention_bias", false);
        return new(has, has, Mlp: false);
    }
}
