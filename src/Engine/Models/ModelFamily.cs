namespace Faith.Engine.Models;

/// <summary>How one family of models names its settings and tensors.</summary>
internal abstract class ModelFamily
{
    private static readonly ModelFamily[] All =
    [
        new Gpt2Family(), new LlamaFamily("llama"), new LlamaFamily("mistral"), new LlamaFamily("qwen2"),
        new GptNeoxFamily(), new GemmaFamily(), new StableLmFamily(), new OptFamily(), new OlmoFamily(), new Starcoder2Family(),
    ];

    /// <summary>Hugging Face model_type.</summary>
    internal abstract string ModelType { get; }
    /// <summary>What the names of its tensors begin with, but for the unembedding.</summary>
    internal abstract string Inner { get; }
    /// <summary>Class names that the family's checkpoints carry.</summary>
    internal abstract IReadOnlyList<string> Architectures { get; }

    /// <summary>The model that a configuration describes.</summary>
    internal abstract ModelConfig ReadConfig(ConfigFile file);
    /// <summary>Its weights.</summary>
    internal abstract ModelWeights ReadWeights(ModelConfig config, TensorTable tensors);

    /// <summary>The family of a configuration, by its architecture and model_type.</summary>
    internal static ModelFamily Of(ConfigFile file)
    {
        var type = file.Text("model_type");
        var architectures = file.Texts("architectures");
        var architecture = architectures.Length > 0 ? architectures[0] : null;
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
