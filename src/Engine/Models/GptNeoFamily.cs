using System.Text.Json;
using Faith.Kernels;

namespace Faith.Engine.Models;

/// <summary>
/// GPT-Neo: GPT-2's blocks with separate q, k and v matrices stored as [out × in], which have no bias, scores that are not divided by √d_head,
/// and layers that see a window alone ("local") among those that see everything ("global").
/// </summary>
internal sealed class GptNeoFamily : ModelFamily
{
    private const string Global = "global", Local = "local";

    internal override string ModelType => "gpt_neo";
    internal override string Inner => "transformer.";
    internal override IReadOnlyList<string> Architectures { get; } = ["GPTNeoForCausalLM"];
    protected override OuterNames Outer => new("wte.weight", "lm_head.weight", "h", "ln_f");

    internal override ModelConfig ReadConfig(ConfigFile file)
    {
        const int WindowOfTransformers = 256; // where the file does not say
        var width = file.Size("hidden_size");
        var heads = file.Size("num_heads");
        if (width % heads != 0) throw file.Unsupported("num_heads", $"a divisor of hidden_size = {width}");
        var config = Checked(file, new ModelConfig
        {
            Family = ModelType,
            Layers = file.Size("num_layers"),
            Width = width,
            Heads = heads,
            KeyValueHeads = heads,
            HeadDim = width / heads,
            MlpWidth = file.Has("intermediate_size") ? file.Size("intermediate_size") : checked(4 * width),
            Vocabulary = file.Size("vocab_size"),
            Context = file.Size("max_position_embeddings"),
            Norm = NormKind.LayerNorm,
            NormEpsilon = file.Epsilon("layer_norm_epsilon", 1e-5),
            Activation = ActivationNames.Read(file, "activation_function", "gelu_new"),
            TiedEmbedding = file.Flag("tie_word_embeddings", true),
            AttentionScale = 1,
            BeginToken = file.Token("bos_token_id"),
            EndToken = file.Token("eos_token_id"),
        });
        var window = file.Has("window_size") ? file.Length("window_size") : WindowOfTransformers;
        return config with { Windows = [.. ReadLayers(file, config.Layers).Select(type => type == Local ? window : (int?)null)] };
    }

    // Two spellings: a list of layers, and lists of [the types that repeat, how often]. A file mostly has both.
    private static string[] ReadLayers(ConfigFile file, int layers)
    {
        const string Listed = "attention_layers", Repeated = "attention_types";
        var supported = $"{Global} or {Local} for each of {layers} layers";
        string[]? listed = file.Has(Listed) ? file.Texts(Listed) : null, repeated = null;
        if (file.Has(Repeated) || listed is null)
        {
            repeated = file.Value(Repeated) is { } value ? Expand(value, layers) : [.. Enumerable.Range(0, layers).Select(l => l % 2 == 0 ? Global : Local)];
            if (repeated is null) throw file.Unsupported(Repeated, $"[[[types], times], …] that make {supported}");
        }
        if (listed is null) return repeated!;
        if (listed.Length != layers || !Array.TrueForAll(listed, type => type is Global or Local)) throw file.Unsupported(Listed, supported);
        return repeated is null || listed.SequenceEqual(repeated) ? listed : throw file.Unsupported(Listed, $"what {Repeated} says, or none");
    }

    // Null where the value is nothing of the kind.
    private static string[]? Expand(JsonElement value, int layers)
    {
        if (value.ValueKind != JsonValueKind.Array) return null;
        var expanded = new List<string>();
        foreach (var item in value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Array || item.GetArrayLength() != 2 || item[0].ValueKind != JsonValueKind.Array) return null;
            string?[] types = [.. item[0].EnumerateArray().Select(type => Array.Find([Global, Local], name => type.ValueKind == JsonValueKind.String && type.ValueEquals(name)))];
            if (types.Length == 0 || types.Contains(null) || item[1].ValueKind != JsonValueKind.Number || !item[1].TryGetInt32(out var times)) return null;
            if (times < 0 || (long)types.Length * times > layers - expanded.Count) return null;
            for (var i = 0; i < times; i++) expanded.AddRange(types!);
        }
        return expanded.Count == layers ? [.. expanded] : null;
    }

    protected override MatrixSource ReadPositions(ModelConfig config, TensorTable tensors) => tensors.Matrix(tensors.Root + "wpe.weight", config.Context, config.Width);

    protected override LayerWeights ReadLayer(ModelConfig config, TensorTable tensors, string prefix)
    {
        var (d, f) = (config.Width, config.MlpWidth);
        string attention = prefix + "attn.attention.", mlp = prefix + "mlp.";
        // The mask and its fill value, which checkpoints store as if they were weights.
        tensors.Ignore(attention + "bias");
        tensors.Ignore(attention + "masked_bias");
        return new LayerWeights
        {
            AttentionNormScale = tensors.Vector(prefix + "ln_1.weight", d),
            AttentionNormShift = tensors.Vector(prefix + "ln_1.bias", d),
            QueryKeyValue = ReadProjection(config, tensors, attention, hasBias: false).Matrix,
            Output = tensors.Linear(d, (attention + "out_proj.weight", d)),
            OutputBias = tensors.Vector(attention + "out_proj.bias", d),
            MlpNormScale = tensors.Vector(prefix + "ln_2.weight", d),
            MlpNormShift = tensors.Vector(prefix + "ln_2.bias", d),
            Up = tensors.Linear(d, (mlp + "c_fc.weight", f)),
            UpBias = tensors.Vector(mlp + "c_fc.bias", f),
            Down = tensors.Linear(f, (mlp + "c_proj.weight", d)),
            DownBias = tensors.Vector(mlp + "c_proj.bias", d),
        };
    }
}
