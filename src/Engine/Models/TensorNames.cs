namespace Faith.Engine.Models;

/// <summary>
/// The tensors of a checkpoint by the names that a family gives them. Programs that wrap a model while it is trained save their own
/// name before or between the model's (module., _orig_mod.), and of tensors that are one only one may be stored, under either name:
/// none of that says anything about the model.
/// </summary>
internal sealed class TensorNames
{
    private static readonly string[] Wrappers = ["module", "_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module"];

    private const int MostOuter = 4;

    private readonly string outer = "";
    private readonly Dictionary<string, StoredTensor> tensors = new(StringComparer.Ordinal);

    /// <summary>Names the tensors of a checkpoint.</summary>
    /// <param name="checkpoint">The files.</param>
    /// <param name="inner">What a family puts before all but the unembedding ("transformer.").</param>
    /// <exception cref="InputException">Two tensors have one name.</exception>
    internal TensorNames(ShardedCheckpoint checkpoint, string inner)
    {
        string[] unwrapped = [.. checkpoint.Tensors.Keys.Select(Unwrapped)];
        for (var depth = 0; depth < MostOuter && Outer(unwrapped, outer.Length, inner) is { } part; depth++) outer += part;
        foreach (var (name, tensor) in checkpoint.Tensors)
        {
            var plain = Plain(name);
            if (!tensors.TryAdd(plain, tensor))
            {
                throw new InputException($"{tensor.File.Path}: tensors {PlainText.Name(name)} and {PlainText.Name(tensors[plain].Name)} are both {PlainText.Name(plain)} of the model");
            }
        }
        // Whoever stores tied tensors once notes in the metadata which name stands for which.
        foreach (var (name, stored) in checkpoint.Files.SelectMany(file => file.Metadata))
        {
            if (checkpoint.Tensors.TryGetValue(stored, out var tensor)) tensors.TryAdd(Plain(name), tensor);
        }
    }

    /// <summary>The tensor of a name, or null.</summary>
    internal StoredTensor? Find(string name) => tensors.GetValueOrDefault(name);

    /// <summary>The tensors whose names start so.</summary>
    internal IEnumerable<StoredTensor> StartingWith(string prefix) => tensors.Where(pair => pair.Key.StartsWith(prefix, StringComparison.Ordinal)).Select(pair => pair.Value);

    /// <summary>Whether any tensor's name starts so.</summary>
    internal bool AnyStartsWith(string prefix) => StartingWith(prefix).Any();

    /// <summary>What kind of checkpoint the names are of when they are not those of a model; the end of a message, or nothing.</summary>
    internal string Hint()
    {
        if (tensors.Keys.Any(name => name.Contains(".lora_", StringComparison.Ordinal) || name.Contains(".base_layer.", StringComparison.Ordinal)))
        {
            return "; the checkpoint holds an adapter (LoRA) beside the model: merge it in Python with merge_and_unload() of peft and save that with save_pretrained";
        }
        return tensors.Keys.Any(IsQuantised) ? $"; {Quantised}" : "";
    }

    /// <summary>What to do about weights that are not stored as floats.</summary>
    internal const string Quantised = "the checkpoint is quantised (GPTQ, AWQ, bitsandbytes and the like), which is not read: take the original model, or load it in Python, call dequantize() and save it with save_pretrained";

    private static bool IsQuantised(string name) =>
        name.Split('.')[^1] is "qweight" or "qzeros" or "scales" or "g_idx" or "SCB" or "absmax" or "quant_map" or "weight_packed" or "weight_scale" or "weight_scale_inv";

    private string Plain(string name)
    {
        var unwrapped = Unwrapped(name);
        return unwrapped.StartsWith(outer, StringComparison.Ordinal) ? unwrapped[outer.Length..] : unwrapped;
    }

    private static string Unwrapped(string name) =>
        Array.Exists(Wrappers, w => name.Contains(w, StringComparison.Ordinal)) ? string.Join('.', name.Split('.').Where(part => !Wrappers.Contains(part))) : name;

    /// <summary>The part that all names have from a place on; null when there is none, or when it is the family's own.</summary>
    private static string? Outer(string[] names, int from, string inner)
    {
        if (names.Length == 0 || names[0].IndexOf('.', from) is not (>= 0 and var dot)) return null;
        var outer = names[0][from..(dot + 1)];
        bool Has(string name, string part) => name.AsSpan(from).StartsWith(part, StringComparison.Ordinal);
        return Array.TrueForAll(names, name => Has(name, outer)) && (outer != inner || Array.Exists(names, name => Has(name, outer + inner))) ? outer : null;
    }
}
