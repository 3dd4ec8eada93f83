using System.Collections;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Faith.Engine.Models;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>
/// The examples of a task, checked against a model: clean and corrupted of one length, within the context, every id in the
/// vocabulary, at least one answer and one distractor.
/// </summary>
public sealed class PromptSet : IReadOnlyList<Example>
{
    // More than anybody attributes; it bounds what a file of short lines takes.
    private const int Most = 1_000_000;

    private readonly Example[] examples;

    private PromptSet(string name, string hash, Example[] examples, PromptText[] texts)
    {
        Name = name;
        Hash = hash;
        this.examples = examples;
        Texts = texts;
    }

    /// <summary>Name for reports: the file's name, or that of the built-in task.</summary>
    public string Name { get; }

    /// <summary>SHA-256 in lower-case hexadecimal: of the file, or of the token ids when the set was made in memory.</summary>
    public string Hash { get; }

    /// <summary>The texts and their places, one entry an example.</summary>
    public IReadOnlyList<PromptText> Texts { get; }

    /// <summary>False where the run needed no corrupted prompts and an example has none of its clean prompt's length: the clean one stands in.</summary>
    public bool HasCorrupted => examples.All(example => example.HasCorrupted);

    /// <summary>False where the run needed no answers and an example has none.</summary>
    public bool HasAnswers => examples.All(example => example.Answers.Length > 0);

    /// <summary>False where the run needed no distractors and an example has none.</summary>
    public bool HasDistractors => examples.All(example => example.Distractors.Length > 0);

    /// <summary>How many words among answers and distractors have several tokens and stand by their first.</summary>
    public int Shortened { get; private init; }

    /// <summary>Why the ids of the answers seem to be of another model's tokenizer; null where nothing speaks for it.</summary>
    public string? Doubt { get; private init; }

    /// <inheritdoc/>
    public int Count => examples.Length;

    /// <inheritdoc/>
    public Example this[int index] => examples[index];

    /// <inheritdoc/>
    public IEnumerator<Example> GetEnumerator() => ((IEnumerable<Example>)examples).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>The first <paramref name="count"/> examples, or all when there are fewer; name and hash stay those of the whole set.</summary>
    public PromptSet First(int count)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(count, 1);
        return count >= Count ? this : At([.. Enumerable.Range(0, count)]);
    }

    /// <summary>The examples at these places, in their order; name and hash stay those of the whole set.</summary>
    public PromptSet At(IReadOnlyList<int> places)
    {
        ArgumentNullException.ThrowIfNull(places);
        return new(Name, Hash, [.. places.Select(i => examples[i])], [.. places.Select(i => Texts[i])]) { Doubt = Doubt, Shortened = Shortened };
    }

    /// <summary>
    /// Reads a data set: JSONL, a JSON list of objects, Parquet, or CSV in one of the layouts of <see cref="CsvLayout"/>. Parquet is known by its first
    /// bytes; else the extension decides (.csv, .jsonl), and for any other the first character does.
    /// </summary>
    /// <param name="path">The file.</param>
    /// <param name="tokenizer">Needed as soon as a prompt or an answer is given as text.</param>
    /// <param name="config">The model that the examples are for.</param>
    /// <param name="needs">What the examples must have; everything unless given.</param>
    /// <param name="format">How the file is read.</param>
    /// <param name="cancellation">Stops between examples and within long ones.</param>
    /// <exception cref="InputException">The file cannot be read or breaks a rule; the message names the line.</exception>
    public static PromptSet Load(string path, Tokenizer? tokenizer, ModelConfig config, PromptNeeds? needs = null, PromptFormat? format = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(path);
        ArgumentNullException.ThrowIfNull(config);
        var bytes = DataFile.Read(path, cancellation);
        var words = new AnswerWords(tokenizer);
        var drafts = IsCsv(path, bytes) ? CsvPrompts.Read(path, bytes, tokenizer, words, needs ?? PromptNeeds.Everything, format?.Columns)
            : JsonPrompts.Read(JsonRows.Read(path, bytes, cancellation), format?.Columns, needs?.Positions == PositionKind.Spans);
        return Build(Path.GetFileName(path), path, drafts, tokenizer, config, Convert.ToHexStringLower(SHA256.HashData(bytes)), needs, words, format, cancellation);
    }

    /// <summary>A set of examples given as token ids.</summary>
    /// <param name="config">The model they are for; without it, ids and lengths are not checked against a model.</param>
    /// <exception cref="InputException">An example breaks a rule; the message names its number, counted from 1.</exception>
    public static PromptSet FromExamples(string name, IEnumerable<Example> examples, ModelConfig? config = null)
    {
        ArgumentNullException.ThrowIfNull(examples);
        var drafts = examples.Select((e, i) => new ExampleDraft($"example {i + 1}", new(e.Clean), new(e.Corrupted),
            [.. e.Answers.Select(id => new TokenDraft(id))], [.. e.Distractors.Select(id => new TokenDraft(id))]));
        return Build(name, name, drafts, null, config, null);
    }

    /// <summary>A set of examples given as text; every answer and distractor is the text of one token.</summary>
    /// <exception cref="InputException">An example breaks a rule; the message names its number, counted from 1.</exception>
    public static PromptSet FromText(string name,
        IEnumerable<(string Clean, string Corrupted, IReadOnlyList<string> Answers, IReadOnlyList<string> Distractors)> examples,
        Tokenizer tokenizer, ModelConfig config, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(examples);
        ArgumentNullException.ThrowIfNull(tokenizer);
        ArgumentNullException.ThrowIfNull(config);
        var drafts = examples.Select((e, i) => new ExampleDraft($"example {i + 1}", new(e.Clean), new(e.Corrupted),
            [.. e.Answers.Select(text => new TokenDraft(text))], [.. e.Distractors.Select(text => new TokenDraft(text))]));
        return Build(name, name, drafts, tokenizer, config, null, cancellation: cancellation);
    }

    /// <summary>A set of drafts that somebody else read; the first token of an answer counts.</summary>
    internal static PromptSet FromDrafts(string name, string source, IEnumerable<ExampleDraft> drafts, Tokenizer tokenizer, ModelConfig config, string hash, CancellationToken cancellation) =>
        Build(name, source, drafts, tokenizer, config, hash, format: new() { FirstTokens = true }, cancellation: cancellation);

    private static PromptSet Build(string name, string source, IEnumerable<ExampleDraft> drafts, Tokenizer? tokenizer, ModelConfig? config, string? hash,
        PromptNeeds? needs = null, AnswerWords? words = null, PromptFormat? format = null, CancellationToken cancellation = default)
    {
        var checker = new ExampleChecker(source, tokenizer, config, needs ?? PromptNeeds.Everything, format ?? PromptFormat.Default, cancellation);
        var examples = new List<Example>();
        var texts = new List<PromptText>();
        foreach (var draft in drafts)
        {
            cancellation.ThrowIfCancellationRequested();
            if (examples.Count == Most) throw new InputException($"{source}: holds more than {Most} examples; split it");
            examples.Add(checker.Check(draft));
            texts.Add(new(draft.Clean.Text, draft.Corrupted?.Text, draft.Place));
        }
        if (examples.Count == 0) throw new InputException($"{source}: the data set holds no examples");
        return new(name, hash ?? HashOf(examples), [.. examples], [.. texts]) { Doubt = words?.Doubt, Shortened = checker.Shortened };
    }

    private static string HashOf(IEnumerable<Example> examples)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var e in examples)
        {
            foreach (var ids in (ReadOnlySpan<int[]>)[e.Clean, e.Corrupted, e.Answers, e.Distractors])
            {
                // The length goes first, so that moving an id from one list to the next changes the hash.
                hash.AppendData(MemoryMarshal.AsBytes<int>([ids.Length]));
                hash.AppendData(MemoryMarshal.AsBytes<int>(ids));
            }
        }
        return Convert.ToHexStringLower(hash.GetHashAndReset());
    }

    private static bool IsCsv(string path, ReadOnlySpan<byte> bytes)
    {
        if (ParquetRows.AreIn(bytes)) return false;
        if (path.EndsWith(".csv", StringComparison.OrdinalIgnoreCase)) return true;
        if (path.EndsWith(".jsonl", StringComparison.OrdinalIgnoreCase)) return false;
        var start = bytes.TrimStart("\uFEFF \t\r\n"u8);
        return !start.IsEmpty && start[0] is not ((byte)'{' or (byte)'[');
    }
}
