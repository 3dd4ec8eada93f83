using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>
/// The verbs of the agreement task: a CSV beside the data with a singular and a plural column. Only verbs that are one token
/// after a space count, as any other could not follow the prompt in one step.
/// </summary>
internal sealed record VerbList(TokenDraft[] Singular, TokenDraft[] Plural)
{
    public static VerbList Beside(string dataPath, Tokenizer? tokenizer)
    {
        if (tokenizer is null) throw new InputException($"{dataPath}: the verbs of this layout are text, but the model has no tokenizer");
        var folder = Path.GetDirectoryName(dataPath) ?? "";
        var names = new[] { Path.GetFileNameWithoutExtension(dataPath) + "-verbs.csv", "verbs.csv", "combined_verb_list.csv" };
        var path = names.Select(name => Path.Combine(folder, name)).FirstOrDefault(File.Exists)
            ?? throw new InputException($"{dataPath}: the list of verbs is missing; put it beside the data as {names[0]}, with the columns sing and plur");
        var table = new CsvTable(path, PromptSet.ReadFile(path));
        return new(OneToken(table, tokenizer, "sing", "singular"), OneToken(table, tokenizer, "plur", "plural"));
    }

    private static TokenDraft[] OneToken(CsvTable table, Tokenizer tokenizer, string name, string longName)
    {
        var column = Math.Max(table.Column(name), table.Column(longName));
        if (column < 0) throw new InputException($"{table.Source}: the column {name} (or {longName}) is missing");
        var ids = table.Rows.Select(row => tokenizer.Encode(" " + row.Fields[column])).Where(ids => ids.Length == 1).Select(ids => ids[0]).Distinct();
        TokenDraft[] verbs = [.. ids.Select(id => new TokenDraft(id))];
        return verbs.Length > 0 ? verbs : throw new InputException($"{table.Source}: none of the verbs in {name} is one token for this model");
    }
}
