using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>How one family of models names its settings and tensors.</summary>
internal abstract class ModelFamily
{
    private static readonly ModelFamily[] All =
    [
        new Gpt2Family(), new LlamaFamily("llama"), new LlamaFamily("mistral"), new LlamaFamily("qwen2"),
        new GptNeoxFamily(), new GemmaFamily(), new StableLmFamily(), new OptFamily(), new OlmoFamily(), new Starcoder2Family(),
        new GptNeoFamily(), new TransformerLensFamily(), new Qwen3Family(), new SmolLm3Family(), new PhiFamily(), new Phi3Family(), new GptJFamily(), new FalconFamily(),
        new Gemma2Family(), new Gemma3Family(), new Gemma3MultimodalFamily(), new Olmo2Family(),
    ];

    /// <summary>The model_type of every family.</summary>
    internal static IEnumerable<string> ModelTypes => All.Select(family => family.ModelType);

    /// <summary>Hugging Face model_type.</summary>
    internal abstract string ModelType { get; }
    /// <summary>What the names of its tensors begin with, but for the unembedding.</summary>
    internal abstract string Inner { get; }
    /// <summary>Class names that the family's checkpoints carry.</summary>
    internal abstract IReadOnlyList<string> Architectures { get; }

    /// <summary>The model that a configuration describes.</summary>
    internal abstract ModelConfig ReadConfig(ConfigFile file);
    /// <summary>The names of its tensors outside of layers.</summary>
    protected abstract OuterNames Outer { get; }
    /// <summary>The weights of a layer, whose names begin with <paramref name="prefix"/>.</summary>
    protected abstract LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix);
    /// <summary>The name of what is added to the logits, or null.</summary>
    protected virtual string? UnembeddingBias => null;
    /// <summary>The embedding and the unembedding [vocabulary × d].</summary>
    protected virtual (MatrixSource Embedding, MatrixSource Unembedding) ReadEmbeddings(ModelConfig config, TensorTable tensors, string root) =>
        tensors.Embeddings(config, root + Outer.Embedding, Outer.Unembedding);
    /// <summary>Whether a configuration that names no kind of model is of this one.</summary>
    protected virtual bool Knows(ConfigFile file) => false;
    /// <summary>Learned positions, or null.</summary>
    protected virtual MatrixSource? ReadPositions(ModelConfig config, TensorTable tensors) => null;
    /// <summary>γ of a norm and, of a LayerNorm, β.</summary>
    protected virtual (float[] Scale, float[]? Shift) ReadNorm(ModelConfig config, TensorTable tensors, string name) =>
        (NormScale(tensors.Vector(name + ".weight", config.Width)), config.Norm == NormKind.LayerNorm ? tensors.Vector(name + ".bias", config.Width) : null);

    /// <summary>What the names of a checkpoint's tensors begin with, but for the unembedding: <see cref="Inner"/>, or nothing.</summary>
    protected virtual string Root(TensorTable tensors) => tensors.Root;

    /// <summary>What the names of tensors begin with that belong to other parts than the text's model.</summary>
    protected virtual IReadOnlyList<string> OtherParts => [];

    /// <summary>γ of a norm as a checkpoint has it.</summary>
    protected virtual float[] NormScale(float[] stored) => stored;

    /// <summary>Names of tensors outside of layers; those but for the unembedding after what <see cref="Inner"/> says.</summary>
    /// <param name="Embedding">The embedding.</param>
    /// <param name="Unembedding">The unembedding, whole.</param>
    /// <param name="Layers">What the number of a layer follows.</param>
    /// <param name="FinalNorm">The norm before the unembedding.</param>
    protected readonly record struct OuterNames(string Embedding, string Unembedding, string Layers, string FinalNorm);

    /// <summary>The weights of a model.</summary>
    internal ModelWeights ReadWeights(ModelConfig config, TensorTable tensors)
    {
        var root = Root(tensors);
        foreach (var part in OtherParts) tensors.IgnoreUnder(part);
        IgnoreFrequencies(config, tensors, root);
        var (embedding, unembedding) = ReadEmbeddings(config, tensors, root);
        var positions = ReadPositions(config, tensors);
        var layers = new List<LayerWeights>();
        for (var l = 0; l < config.Layers; l++) layers.Add(ReadLayer(config, tensors, $"{root}{Outer.Layers}.{l}."));
        var (scale, shift) = ReadNorm(config, tensors, root + Outer.FinalNorm);
        return new ModelWeights(tensors.Files)
        {
            Config = config,
            Embedding = embedding,
            Positions = positions,
            Layers = layers,
            FinalNormScale = scale,
            FinalNormShift = shift,
            Unembedding = unembedding,
            UnembeddingBias = UnembeddingBias is { } name ? tensors.Vector(name, config.Vocabulary) : null,
            Hash = tensors.Verify(),
        };
    }

    /// <summary>The fused projection of families that store q, k and v apart under Llama's names, and its bias.</summary>
    protected static (MatrixSource Matrix, float[]? Bias) ReadProjection(ModelConfig config, TensorTable tensors, string attention, bool hasBias)
    {
        IgnoreFrequencies(config, tensors, attention);
        int q = config.QueryWidth, kv = config.KeyWidth;
        var matrix = tensors.Linear(config.Width, (attention + "q_proj.weight", q), (attention + "k_proj.weight", kv), (attention + "v_proj.weight", kv));
        return (matrix, hasBias ? tensors.Vectors((attention + "q_proj.bias", q), (attention + "k_proj.bias", kv), (attention + "v_proj.bias", kv)) : null);
    }

    // Old checkpoints store the table of rotary frequencies as if it were weights.
    private protected static void IgnoreFrequencies(ModelConfig config, TensorTable tensors, string prefix)
    {
        if (config.Rotary is not null) tensors.Ignore(prefix + "rotary_emb.inv_freq");
    }

    /// <summary>Width and heads of a model whose heads share the width out, and the columns of one.</summary>
    protected static (int Width, int Heads, int HeadDim) ReadHeads(ConfigFile file)
    {
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads");
        if (width % heads != 0) throw file.Unsupported("num_attention_heads", $"a divisor of hidden_size = {width}");
        if (file.Size("head_dim", width / heads) != width / heads) throw file.Unsupported("head_dim", $"hidden_size / num_attention_heads = {width / heads}");
        return (width, heads, width / heads);
    }

    /// <summary>The same of a model whose file may say how many columns a head has.</summary>
    protected static (int Width, int Heads, int HeadDim) ReadHeadsOfAnyWidth(ConfigFile file)
    {
        var width = file.Size("hidden_size");
        var heads = file.Size("num_attention_heads");
        if (!file.Has("head_dim") && width % heads != 0) throw file.Unsupported("num_attention_heads", $"a divisor of hidden_size = {width} (or a head_dim)");
        return (width, heads, file.Size("head_dim", Math.Max(1, width / heads)));
    }

    /// <summary>Key/value heads.</summary>
    /// <param name="otherwise">How many where the file does not say.</param>
    protected static int ReadKeyValueHeads(ConfigFile file, int heads, int otherwise)
    {
        var keyValueHeads = file.Size("num_key_value_heads", otherwise);
        return heads % keyValueHeads == 0 ? keyValueHeads : throw file.Unsupported("num_key_value_heads", $"a divisor of num_attention_heads = {heads}");
    }

    /// <summary>The family of a configuration, by its architecture and model_type.</summary>
    internal static ModelFamily Of(ConfigFile file)
    {
        var type = file.Text("model_type");
        var architectures = file.Texts("architectures");
        var architecture = architectures.Length > 0 ? architectures[0] : null;
        if (type is null && architecture is null && Array.Find(All, f => f.Knows(file)) is { } known) return known;
        if (type is null && architecture is null) throw file.Bad($"has neither model_type nor architectures; supported: {Supported}");

        var family = All.FirstOrDefault(f => type is null ? f.Architectures.Contains(architecture) : f.ModelType == type)
            ?? throw file.Unsupported(type is null ? "architectures" : "model_type", Supported);
        if (architecture is not null && !family.Architectures.Contains(architecture))
        {
            throw file.Unsupported("architectures", $"for model_type {family.ModelType}: {string.Join(", ", family.Architectures)}");
        }
        return family;
    }

    private static string Supported => string.Join(", ", All.Select(f => $"{f.ModelType} ({string.Join(", ", f.Architectures)})"));

    /// <summary>Fails when the fused widths of a configuration are beyond what one matrix may have, or the pairs of its graph beyond what an array may.</summary>
    protected static ModelConfig Checked(ConfigFile file, ModelConfig config)
    {
        var projection = ((long)config.Heads + 2L * config.KeyValueHeads) * config.HeadDim;
        if (projection > int.MaxValue || 2L * config.MlpWidth > int.MaxValue)
        {
            throw file.Bad("describes a model whose attention or MLP is wider than 2^31");
        }
        if (!Graphs.ModelGraph.CanHold(config.Layers, config.Heads))
        {
            throw file.Bad($"describes a model of {config.Layers} layers with {config.Heads} heads, whose graph has more than 2^31 pairs of nodes");
        }
        return config;
    }
}
