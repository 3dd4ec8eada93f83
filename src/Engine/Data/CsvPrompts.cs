using System.Globalization;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>The CSV form, in the layouts of <see cref="CsvLayout"/>.</summary>
internal static class CsvPrompts
{
    private const int Years = 100;

    // The greater-than layout comes last: its columns are a part of the indirect-object layout's.
    private static readonly (CsvLayout Layout, string[] Columns)[] Layouts =
    [
        (CsvLayout.IndirectObject, ["correct_idx", "incorrect_idx"]),
        (CsvLayout.GenderBias, ["clean_answer_idx", "corrupted_answer_idx"]),
        (CsvLayout.FactRetrieval, ["country_idx", "corrupted_country_idx"]),
        (CsvLayout.Hypernymy, ["answers_idx", "corrupted_answers_idx"]),
        (CsvLayout.VerbAgreement, ["plural"]),
        (CsvLayout.GreaterThan, ["correct_idx"]),
        (CsvLayout.GreaterThan, ["label"]),
    ];

    /// <param name="words">Told what stands beside the ids of the answers.</param>
    /// <param name="needs">Where no answers are needed, a table of prompts alone will do.</param>
    /// <param name="named">The columns, where they are no known layout's.</param>
    public static IEnumerable<ExampleDraft> Read(string path, byte[] file, Tokenizer? tokenizer, AnswerWords words, PromptNeeds needs, PromptColumns? named = null)
    {
        var table = new CsvTable(path, file);
        if (table.Header.Count == 0) return [];
        var spans = needs.Positions == PositionKind.Spans ? CsvSpans.Of(table, named) : null;
        if (named is not null) return Named(table, words, named, spans);
        var (clean, corrupted) = (table.Column("clean"), table.Column("corrupted"));
        if (Recognise(table, needs) is not var (layout, columns)) return table.ReadRows().Select(row => Draft(row.Line, row.Fields, null, null));
        return layout switch
        {
            CsvLayout.GreaterThan => GreaterThan(),
            CsvLayout.VerbAgreement => VerbAgreement(),
            CsvLayout.Hypernymy => FromIds(Ids),
            _ => FromIds((line, field, column) => [new(Number(table, line, field, column))]),
        };

        IEnumerable<ExampleDraft> FromIds(Func<int, string, string, TokenDraft[]> parse)
        {
            foreach (var (line, fields) in table.ReadRows())
            {
                var answers = parse(line, fields[table.Column(columns[0])], columns[0]);
                words.Note(line, fields, answers);
                yield return Draft(line, fields, answers, parse(line, fields[table.Column(columns[1])], columns[1]));
            }
        }

        TokenDraft[] Ids(int line, string field, string column) => IsList(field) ? IdList(table, line, field, column)
            : throw table.Error(line, $"{PlainText.Quote(field)} in \"{column}\" is not a list of token ids such as [16840, 23685]");

        IEnumerable<ExampleDraft> GreaterThan()
        {
            var years = Enumerable.Range(0, Years).Select(year => new TokenDraft(year.ToString("00", CultureInfo.InvariantCulture))).ToArray();
            foreach (var (line, fields) in table.ReadRows())
            {
                var year = Number(table, line, fields[table.Column(columns[0])], columns[0]);
                if (year is < 0 or > Years - 2) throw table.Error(line, $"\"{columns[0]}\" is {year}; it must be a two-digit year from 0 to {Years - 2}, so that a later one exists");
                yield return Draft(line, fields, years[(year + 1)..], years[..(year + 1)]);
            }
        }

        IEnumerable<ExampleDraft> VerbAgreement()
        {
            var verbs = VerbList.Beside(path, tokenizer);
            foreach (var (line, fields) in table.ReadRows())
            {
                var (answers, distractors) = fields[table.Column("plural")] switch
                {
                    "1" => (verbs.Plural, verbs.Singular),
                    "0" => (verbs.Singular, verbs.Plural),
                    var other => throw table.Error(line, $"\"plural\" is {PlainText.Quote(other)}; it must be 0 or 1"),
                };
                yield return Draft(line, fields, answers, distractors);
            }
        }

        ExampleDraft Draft(int line, string[] fields, TokenDraft[]? answers, TokenDraft[]? distractors) =>
            new($"line {line}", new(fields[clean]), corrupted < 0 ? null : new PromptDraft(fields[corrupted]), answers, distractors) { Spans = spans?.Read(line, fields) };
    }

    private static IEnumerable<ExampleDraft> Named(CsvTable table, AnswerWords words, PromptColumns named, CsvSpans? spans)
    {
        var columns = new[] { named.Clean, named.Corrupted, named.Answers, named.Distractors }.Select(table.Column).ToArray();
        foreach (var (column, (name, own)) in columns.Zip(new[] { (named.Clean, ""), (named.Corrupted, PromptColumns.Default.Corrupted), (named.Answers, PromptColumns.Default.Answers), (named.Distractors, PromptColumns.Default.Distractors) }))
        {
            if (column < 0 && name != own) throw new InputException($"{table.Source}, line 1: there is no column {PlainText.Quote(name)}; there are {PlainText.Short(string.Join(", ", table.Header), 200)}");
        }
        foreach (var (line, fields) in table.ReadRows())
        {
            var answers = Tokens(line, fields, 2, named.Answers);
            if (answers is not null) words.Note(line, fields, answers);
            yield return new($"line {line}", new(fields[columns[0]]), columns[1] < 0 ? null : new PromptDraft(fields[columns[1]]), answers, Tokens(line, fields, 3, named.Distractors)) { Spans = spans?.Read(line, fields) };
        }

        // A list of ids, an id, or a text.
        TokenDraft[]? Tokens(int line, string[] fields, int which, string name)
        {
            if (columns[which] < 0) return null;
            var field = fields[columns[which]];
            if (IsList(field)) return IdList(table, line, field, name);
            return [int.TryParse(field, NumberStyles.None, CultureInfo.InvariantCulture, out var id) ? new(id) : new(field)];
        }
    }

    private static bool IsList(string field) => field.AsSpan().Trim() is ['[', .., ']'];

    private static TokenDraft[] IdList(CsvTable table, int line, string field, string column)
    {
        var list = field.AsSpan().Trim()[1..^1].Trim();
        var ids = new List<TokenDraft>();
        foreach (var part in list.IsEmpty ? [] : list.ToString().Split(',')) ids.Add(new(Number(table, line, part.Trim(), column)));
        return [.. ids];
    }

    // Null: the table has prompts alone, and that is all that is needed.
    private static (CsvLayout Layout, string[] Columns)? Recognise(CsvTable table, PromptNeeds needs)
    {
        if (table.Column("clean") >= 0 && (table.Column("corrupted") >= 0 || needs.Corrupted is null))
        {
            foreach (var known in Layouts)
            {
                if (known.Columns.All(c => table.Column(c) >= 0)) return known;
            }
        }
        if (table.Column("clean") >= 0 && needs.Answers is null && (table.Column("corrupted") >= 0 || needs.Corrupted is null)) return null;
        if (table.Header is [var whole] && whole.IndexOfAny([';', '\t']) is >= 0 and var mark)
            throw new InputException($"{table.Source}, line 1: the columns are separated by {(whole[mark] == ';' ? "semicolons" : "tabs")}; in CSV commas separate them");
        var list = string.Join("; ", Layouts.Select(l => string.Join(", ", l.Columns)));
        throw new InputException($"{table.Source}, line 1: no known column layout; besides clean and corrupted a file needs one of: {list}");
    }

    private static int Number(CsvTable table, int line, string field, string column) =>
        int.TryParse(field, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out var number)
            ? number : throw table.Error(line, $"{PlainText.Quote(field)} in \"{column}\" is not a whole number");
}
