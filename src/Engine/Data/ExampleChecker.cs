using System.Globalization;
using Faith.Engine.Models;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>Turns drafts into examples and refuses those that a model cannot run; every message names the place.</summary>
/// <param name="source">The file or set, for messages.</param>
/// <param name="tokenizer">Null when there is none: text is then an error.</param>
/// <param name="config">Null when the model is not known: ids and lengths are then not checked against it.</param>
/// <param name="needs">What must be there.</param>
/// <param name="format">How it is read.</param>
/// <param name="cancellation">Stops within a long text.</param>
internal sealed class ExampleChecker(string source, Tokenizer? tokenizer, ModelConfig? config, PromptNeeds needs, PromptFormat format, CancellationToken cancellation)
{
    // Tokens shown of a prompt in a message; longer prompts are cut around the first difference.
    private const int Shown = 64;
    private const int ShownBeforeDifference = 16;
    // Two prompts, a text and what is said about them are at most 1,000.
    private const int CharactersShown = 280;

    private readonly Dictionary<string, int> tokens = [];
    // What messages call the fields.
    private readonly PromptColumns named = format.Columns ?? PromptColumns.Default;
    private readonly SpanChecker? spans = needs.Positions is { } positions ? new(positions) : null;

    /// <summary>How many texts of answers and distractors have several tokens and stand by their first.</summary>
    public int Shortened { get; private set; }

    public Example Check(ExampleDraft draft)
    {
        var clean = Prompt(draft.Clean, named.Clean, draft.Place);
        var corrupted = Optional(needs.Corrupted, () => Corrupted(draft, clean)) ?? clean;
        var answers = Optional(needs.Answers, () => Answers(draft.Answers, named.Answers, $"{needs.Answers} needs; --metric kl and js do without", draft.Place));
        var distractors = Optional(needs.Distractors, () => Answers(draft.Distractors, named.Distractors, $"{needs.Distractors} needs; --metric logprob, kl and js do without", draft.Place));
        var example = new Example(clean, corrupted, answers ?? [], distractors ?? [])
        {
            BeginTokens = draft.Clean.Text is not null && clean.Length > 0 && clean[0] == tokenizer?.BeginToken ? 1 : 0,
        };
        return spans is null ? example : example with { Spans = spans.Check(example, draft.Spans, message => Error(draft.Place, message)) };
    }

    // What nobody needs may be missing or of no use.
    private static int[]? Optional(string? need, Func<int[]> read)
    {
        if (need is not null) return read();
        try
        {
            return read();
        }
        catch (InputException)
        {
            return null;
        }
    }

    private int[] Corrupted(ExampleDraft draft, int[] clean)
    {
        if (draft.Corrupted is not { } given) throw Error(draft.Place, $"{PlainText.Quote(named.Corrupted)} is missing, which {needs.Corrupted} needs; --ablation zero, mean and mean-positional do without");
        var corrupted = Prompt(given, named.Corrupted, draft.Place);
        if (clean.Length != corrupted.Length && !needs.AnyLength)
        {
            var difference = 0;
            while (difference < Math.Min(clean.Length, corrupted.Length) && clean[difference] == corrupted[difference]) difference++;
            throw Error(draft.Place, $"clean has {Tokens(clean.Length)} and corrupted {corrupted.Length}; both must have the same number"
                + $" (clean: {Show(clean, difference)}; corrupted: {Show(corrupted, difference)})");
        }
        return corrupted;
    }

    private int[] Prompt(PromptDraft prompt, string field, string place)
    {
        if (prompt.Text is "" || prompt.Ids is []) throw Error(place, $"{PlainText.Quote(field)} is empty");
        var ids = prompt.Text is { } text ? Encode(field, place, () => TokenizerFor(text, field, place).EncodePrompt(text, cancellation)) : prompt.Ids!;
        if (config is null) return ids;
        if (ids.Length > config.Context) throw Error(place, $"{PlainText.Quote(field)} has {Tokens(ids.Length)}; the model's context holds {config.Context}");
        foreach (var id in ids) CheckId(id, field, place);
        return ids;
    }

    private int[] Answers(IReadOnlyList<TokenDraft>? answers, string field, string which, string place)
    {
        if (answers is null) throw Error(place, $"{PlainText.Quote(field)} is missing, which {which}");
        if (answers.Count == 0) throw Error(place, $"{PlainText.Quote(field)} is empty; at least one token is needed");
        var ids = new int[answers.Count];
        for (var i = 0; i < ids.Length; i++)
        {
            ids[i] = answers[i].Text is { } text ? OneToken(text, field, place) : answers[i].Id;
            CheckId(ids[i], field, place);
        }
        return ids;
    }

    private int OneToken(string text, string field, string place)
    {
        if (tokens.TryGetValue(text, out var known)) return known;
        var ids = Encode(field, place, () => InContext(TokenizerFor(text, field, place), text));
        if (ids.Length > 1 && format.FirstTokens) Shortened++;
        else if (ids.Length != 1)
        {
            throw Error(place, $"{PlainText.Quote(text)} in {PlainText.Quote(field)} is {Tokens(ids.Length)}{(ids.Length == 0 ? "" : $" ({Show(ids, 0)})")}; it must be exactly one: take another word, give a token id"
                + (ids.Length == 0 ? "" : ", or take the first of them with --answer-tokens first"));
        }
        return tokens[text] = ids[0];
    }

    // SentencePiece puts a space before every text of its own, so that the answer " the" alone would begin with two, and "," with one: such
    // answers are read as they follow another word. Of several tokens too, where alone the first would be nothing but that space.
    private int[] InContext(Tokenizer tokenizer, string text)
    {
        const string word = "a";
        var alone = tokenizer.Encode(text, cancellation);
        if (alone.Length < 2 || (!text.StartsWith(' ') && !tokenizer.TokenText(alone[0]).StartsWith(' '))) return alone;
        var (before, both) = (tokenizer.Encode(word), tokenizer.Encode(word + text, cancellation));
        if (!both.AsSpan().StartsWith(before)) return alone;
        return both.Length == before.Length + 1 || both.Length > before.Length && string.IsNullOrWhiteSpace(tokenizer.TokenText(alone[0])) ? both[before.Length..] : alone;
    }

    // What a tokenizer refuses it says of itself; where the text stands is known here.
    private int[] Encode(string field, string place, Func<int[]> encode)
    {
        if (tokenizer is null) return encode();
        try
        {
            return encode();
        }
        catch (InputException e)
        {
            throw new InputException(Error(place, $"{PlainText.Quote(field)}: {e.Message}").Message, e);
        }
    }

    private Tokenizer TokenizerFor(string text, string field, string place) =>
        tokenizer ?? throw Error(place, $"{PlainText.Quote(field)} holds text ({PlainText.Quote(text)}), but the model has no tokenizer; give token ids");

    private void CheckId(int id, string field, string place)
    {
        if (id < 0 || (config is not null && id >= config.Vocabulary))
        {
            throw Error(place, $"token id {id} in {PlainText.Quote(field)} is outside the vocabulary" + (config is null ? "" : $" (0 to {config.Vocabulary - 1}); ids must be those of the model's own tokenizer"));
        }
    }

    private InputException Error(string place, string message) => new($"{source}, {place}: {message}");

    private static string Tokens(int count) => count == 1 ? "1 token" : $"{count} tokens";

    private string Show(int[] ids, int difference)
    {
        var from = ids.Length <= Shown ? 0 : Math.Clamp(difference - ShownBeforeDifference, 0, ids.Length - Shown);
        var to = End(from);
        // What the message is about stays in sight also where tokens are long.
        if (to <= difference && from < difference - ShownBeforeDifference) to = End(from = difference - ShownBeforeDifference);
        var tokens = string.Join(' ', ids[from..to].Select(Text));
        return $"{(from > 0 ? $"… {from} more, " : "")}{tokens}{(to < ids.Length ? $", {ids.Length - to} more …" : "")}";

        // Behind the last token from there that is shown: at least one, and no more characters than a message has place for.
        int End(int start)
        {
            var (end, length) = (start, 0);
            while (end < Math.Min(ids.Length, start + Shown) && (length += Text(ids[end]).Length + 1) <= CharactersShown) end++;
            return Math.Min(ids.Length, Math.Max(end, start + 1));
        }

        string Text(int id) => tokenizer is null || id < 0 || id >= tokenizer.Count ? id.ToString(CultureInfo.InvariantCulture) : PlainText.Quote(tokenizer.TokenText(id));
    }
}
