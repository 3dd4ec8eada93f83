using Faith.Engine.Files;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Data;

/// <summary>
/// The verbs of the agreement task: a CSV beside the data with a singular and a plural column, read as the EAP-IG library reads it ("strict").
/// Only verbs that are one token after a space count, as any other could not follow the prompt in one step; a plural counts only where its
/// singular is one token as well.
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
        var table = new CsvTable(path, RegularFile.ReadAll(path, FileUse.Data, most: 64 << 20));
        var (singular, plural) = (Column(table, "sing", "singular"), Column(table, "plur", "plural"));
        // A plural that is listed twice belongs to the first of its singulars.
        var pairs = table.ReadRows().Select(row => (Singular: row.Fields[singular], Plural: row.Fields[plural])).ToArray();
        return new(OneToken(table, tokenizer, "sing", pairs.Select(pair => pair.Singular)),
            OneToken(table, tokenizer, "plur", pairs.DistinctBy(pair => pair.Plural).Where(pair => IdOf(tokenizer, pair.Singular) is not null).Select(pair => pair.Plural)));
    }

    private static int Column(CsvTable table, string name, string longName) => Math.Max(table.Column(name), table.Column(longName)) is >= 0 and var column
        ? column : throw new InputException($"{table.Source}: the column {name} (or {longName}) is missing");

    private static int? IdOf(Tokenizer tokenizer, string verb) => tokenizer.Encode(" " + verb) is [var id] ? id : null;

    private static TokenDraft[] OneToken(CsvTable table, Tokenizer tokenizer, string name, IEnumerable<string> verbs)
    {
        TokenDraft[] tokens = [.. verbs.Select(verb => IdOf(tokenizer, verb)).OfType<int>().Distinct().Select(id => new TokenDraft(id))];
        return tokens.Length > 0 ? tokens : throw new InputException($"{table.Source}: none of the verbs in {name} is one token for this model");
    }
}
