namespace Faith.Engine.Tokenizers;

/// <summary>Tokens and ids, those of the model and the added ones.</summary>
internal sealed class Vocabulary
{
    /// <summary>The largest id a file may use; several times what the largest vocabularies need.</summary>
    public const int LargestId = (1 << 22) - 1;

    /// <summary>The most merges a file may list; several times what the largest vocabularies need.</summary>
    public const int MostMerges = 1 << 22;

    /// <summary>The length of the longest token; the longest known are a few hundred characters long.</summary>
    public const int LongestToken = 4096;

    private readonly Dictionary<int, string> tokens = [];
    private readonly Dictionary<string, int> added = new(StringComparer.Ordinal);
    private int afterAdded;

    /// <summary>The model's tokens.</summary>
    public Dictionary<string, int> Model { get; } = new(StringComparer.Ordinal);

    /// <summary>The added tokens in the order of the file.</summary>
    public List<AddedToken> Added { get; } = [];

    /// <summary>The highest id plus one.</summary>
    public int Count { get; private set; }

    /// <summary>Adds a token of the model; false when the token or its id is taken.</summary>
    public bool TryAdd(string token, int id) => Model.TryAdd(token, id) && TryName(id, token);

    /// <summary>Adds an added token, which may be one of the model's; false when its text has another id or its id another text.</summary>
    public bool TryAdd(AddedToken token)
    {
        if (Find(token.Content) is { } known ? known != token.Id : !TryName(token.Id, token.Content))
            return false;
        if (added.TryAdd(token.Content, token.Id))
            Added.Add(token);
        afterAdded = Math.Max(afterAdded, token.Id + 1);
        return true;
    }

    /// <summary>The id of a token's text, or null.</summary>
    public int? Find(string token) => added.TryGetValue(token, out int id) || Model.TryGetValue(token, out id) ? id : null;

    /// <summary>The text of an id, or null.</summary>
    public string? Token(int id) => tokens.GetValueOrDefault(id);

    /// <summary>The id the original gives an added token that the model does not know.</summary>
    public int NextAddedId() => Math.Max(Model.Count, afterAdded);

    private bool TryName(int id, string token)
    {
        Count = Math.Max(Count, id + 1);
        return tokens.TryAdd(id, token);
    }
}
