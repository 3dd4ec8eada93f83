using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// StableLM: Llama's matrices and names between norms of the LayerNorm kind, rotary positions on a share of every head; blocks one after the other, or
/// parallel behind one norm; where the file asks for it ("qk_layernorm") every head's queries and keys are normed, each by weights of its own.
/// </summary>
internal sealed class StableLmFamily : LlamaNamedFamily
{
    internal override string ModelType => "stablelm";
    internal override IReadOnlyList<string> Architectures { get; } = ["StableLmForCausalLM"];

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int KeyValueHeadsOfTransformers = 32; // where the file does not say
        var (width, heads, headDim) = ReadHeads(file);
        var keyValueHeads = ReadKeyValueHeads(file, heads, KeyValueHeadsOfTransformers);
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
            NormEpsilon = file.Epsilon("layer_norm_eps", 1e-5),
            Activation = ActivationNames.Read(file, "hidden_act", "silu"),
            Gated = true,
            Rotary = RotarySettings.ReadPartial(file, headDim, "rope_theta", "partial_rotary_factor", 0.25),
            ParallelBlocks = file.Flag("use_parallel_residual", false),
            QueryKeyNorm = file.Flag("qk_layernorm", false) ? QueryKeyNorm.OwnHeads : QueryKeyNorm.None,
            TiedEmbedding = file.Flag("tie_word_embeddings", false),
            AttentionScale = (float)(1 / Math.Sqrt(headDim)),
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
    }

    // Parallel blocks read the stream through one norm.
    protected override NormNames NormsOf(ModelConfig config) => config.ParallelBlocks ? Norms with { MlpInput = Norms.AttentionInput } : Norms;

    protected override (float[]? Query, float[]? Key) ReadQueryKeyNorm(ModelConfig config, TensorTable tensors, string attention)
    {
        float[]? Read(string name, int heads) => config.QueryKeyNorm == QueryKeyNorm.None ? null
            : tensors.Vectors([.. Enumerable.Range(0, heads).Select(h => ($"{attention}{name}.norms.{h}.weight", config.HeadDim))]);
        return (Read("q_layernorm", config.Heads), Read("k_layernorm", config.KeyValueHeads));
    }

    protected override Biases BiasesOf(ConfigFile file) => new(file.Flag("use_qkv_bias", false), Output: false, Mlp: false);
}
