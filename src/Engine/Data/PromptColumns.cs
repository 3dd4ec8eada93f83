namespace Faith.Engine.Data;

/// <summary>Which columns of a table, or fields of its objects, hold what: names, or dotted paths into structs.</summary>
public sealed record PromptColumns
{
    private static readonly string[] Keys = ["clean", "corrupted", "answers", "distractors", "spans"];

    /// <summary>The columns called as the fields are.</summary>
    public static PromptColumns Default { get; } = new();

    /// <summary>The clean prompts.</summary>
    public string Clean { get; init; } = Keys[0];
    /// <summary>The corrupted prompts.</summary>
    public string Corrupted { get; init; } = Keys[1];
    /// <summary>The answers: lists, or one each.</summary>
    public string Answers { get; init; } = Keys[2];
    /// <summary>The distractors: lists, or one each.</summary>
    public string Distractors { get; init; } = Keys[3];
    /// <summary>The spans: a field of objects, or of a CSV file the columns that hold their first tokens and last the end, joined by colons.</summary>
    public string Spans { get; init; } = Keys[4];

    /// <summary>The columns that a text such as "clean=prompt,answers=label" names.</summary>
    /// <exception cref="InputException">It is none.</exception>
    public static PromptColumns Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (columns, given) = (Default, new HashSet<string>());
        foreach (var part in text.Split(','))
        {
            var equals = part.IndexOf('=', StringComparison.Ordinal);
            var (key, name) = equals < 0 ? ("", "") : (part[..equals].Trim(), part[(equals + 1)..].Trim());
            if (name.Length == 0 || !Keys.Contains(key)) throw new InputException($"--columns must be pairs as in clean=prompt,answers=label with {string.Join(", ", Keys)} before the sign, not {PlainText.Name(part)}");
            if (!given.Add(key)) throw new InputException($"--columns names {key} twice");
            columns = key switch
            {
                "clean" => columns with { Clean = name },
                "corrupted" => columns with { Corrupted = name },
                "answers" => columns with { Answers = name },
                "distractors" => columns with { Distractors = name },
                _ => columns with { Spans = name },
            };
        }
        return columns;
    }

    /// <summary>The text that <see cref="Parse"/> reads.</summary>
    public override string ToString() => $"clean={Clean},corrupted={Corrupted},answers={Answers},distractors={Distractors}{(Spans == Default.Spans ? "" : $",spans={Spans}")}";
}
