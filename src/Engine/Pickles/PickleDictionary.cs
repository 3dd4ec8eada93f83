namespace Faith.Engine.Pickles;

/// <summary>A Python dictionary, in its order. A key that comes twice has its last value.</summary>
public sealed class PickleDictionary
{
    private readonly OrderedDictionary<string, object?> named = new(StringComparer.Ordinal);

    /// <summary>The entries whose keys are strings.</summary>
    public IReadOnlyDictionary<string, object?> Named => named;

    /// <summary>How many entries have keys that are no strings. Nothing that is read here has any, so they are not kept: their hashes could be made to collide.</summary>
    public int Unnamed { get; private set; }

    /// <summary>The value of a key, or null.</summary>
    public object? this[string key] => named.GetValueOrDefault(key);

    internal void Set(object? key, object? value)
    {
        if (key is string name) named[name] = value;
        else Unnamed++;
    }
}
