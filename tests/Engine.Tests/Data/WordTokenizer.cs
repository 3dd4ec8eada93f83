using System.Text.RegularExpressions;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Tests.Data;

/// <summary>
/// A tokenizer for tests: a word with the space before it is one token, digits come in pairs, anything else is one character a
/// token. Ids are given out in the order of first use; id 0 is the token that starts every text.
/// </summary>
internal sealed partial class WordTokenizer(bool begins = true, int count = 50257) : Tokenizer
{
    public const string Begin = "<s>";

    private readonly List<string> texts = [Begin];
    private readonly Dictionary<string, int> ids = new() { [Begin] = 0 };

    public override int Count => count;

    public override int? BeginToken => begins ? 0 : null;

    public override int[] Encode(string text, CancellationToken cancellation = default) => [.. Words().Matches(text).Select(match => Id(match.Value))];

    public override string Decode(ReadOnlySpan<int> tokens)
    {
        var text = "";
        foreach (var id in tokens) text += id < texts.Count ? texts[id] : $"[{id}]";
        return text;
    }

    private int Id(string word)
    {
        if (ids.TryGetValue(word, out var id)) return id;
        texts.Add(word);
        return ids[word] = texts.Count - 1;
    }

    [GeneratedRegex(@"<s>| ?\p{L}+| ?\d{1,2}|[\s\S]")]
    private static partial Regex Words();
}
