using System.Text.Json;
using Faith.Engine.Data;
using Faith.Engine.Tokenizers;

namespace Faith.Engine.Mib;

/// <summary>How rows of a task's data become examples.</summary>
public abstract class MibRows
{
    /// <summary>Prompts and labels of the indirect-object task.</summary>
    public static MibRows IndirectObject { get; } = new IndirectObjectRows();
    /// <summary>Prompts and labels of tasks with lettered choices: copycolors and ARC.</summary>
    public static MibRows Choices { get; } = new ChoiceRows();
    /// <summary>Prompts and labels of sums and differences.</summary>
    public static MibRows Arithmetic { get; } = new ArithmeticRows();

    /// <summary>The prompts and labels of a row; null where the benchmark leaves it out.</summary>
    /// <exception cref="InputException">The row has not what the task's rows have.</exception>
    internal abstract MibExample? Read(JsonRow row, JsonElement root, string counterfactual, Tokenizer tokenizer);

    /// <summary>A field that must be there, as text: labels are letters in some rows and numbers in others.</summary>
    private protected static string Text(JsonRow row, JsonElement root, string path) => JsonRow.Find(root, path) switch
    {
        { ValueKind: JsonValueKind.String } text => text.GetString()!,
        { ValueKind: JsonValueKind.Number } number => number.GetRawText(),
        null => throw row.Error($"{PlainText.Quote(path)} is missing, which rows of this task have"),
        { } other => throw row.Error($"{PlainText.Quote(path)} is {JsonRow.Kind(other)}; a text is needed"),
    };

    /// <summary>The column of the counterfactual, which must be there.</summary>
    private protected static string Column(JsonRow row, JsonElement root, string counterfactual)
    {
        const string suffix = "_counterfactual";
        var column = counterfactual.EndsWith(suffix, StringComparison.Ordinal) ? counterfactual : counterfactual + suffix;
        if (root.TryGetProperty(column, out _)) return column;
        string[] known = [.. root.EnumerateObject().Select(field => field.Name).Where(name => name.EndsWith(suffix, StringComparison.Ordinal))];
        throw row.Error($"there is no counterfactual {PlainText.Quote(column)}; {(known.Length == 0 ? "it is no row of the benchmark's data" : $"there are {PlainText.Short(string.Join(", ", known), 300)}")}");
    }

    private sealed class IndirectObjectRows : MibRows
    {
        internal override MibExample? Read(JsonRow row, JsonElement root, string counterfactual, Tokenizer tokenizer)
        {
            var column = Column(row, root, counterfactual);
            string good = " " + Text(row, root, "metadata.indirect_object"), bad = " " + Text(row, root, "metadata.subject"), third = " " + Text(row, root, "metadata.random_c");
            var tokens = tokenizer.Encode(good).Length;
            if (tokenizer.Encode(bad).Length != tokens || tokenizer.Encode(third).Length != tokens) return null;
            return new(Text(row, root, "prompt"), Text(row, root, $"{column}.prompt"), good, bad);
        }
    }

    private sealed class ChoiceRows : MibRows
    {
        internal override MibExample? Read(JsonRow row, JsonElement root, string counterfactual, Tokenizer tokenizer)
        {
            var column = Column(row, root, counterfactual);
            string good = Label(row, root, ""), bad = Label(row, root, $"{column}.");
            return tokenizer.Encode(good).Length != tokenizer.Encode(bad).Length ? null : new(Text(row, root, "prompt"), Text(row, root, $"{column}.prompt"), good, bad);
        }

        private static string Label(JsonRow row, JsonElement root, string prefix)
        {
            var (labels, key) = (JsonRow.Find(root, $"{prefix}choices.label"), JsonRow.Find(root, $"{prefix}answerKey"));
            if (labels is not { ValueKind: JsonValueKind.Array } list) throw row.Error($"\"{prefix}choices.label\" is missing, which rows of this task have");
            if (key is not { ValueKind: JsonValueKind.Number } number || !number.TryGetInt32(out var at) || at < 0 || at >= list.GetArrayLength()) throw row.Error($"\"{prefix}answerKey\" names none of the {list.GetArrayLength()} choices");
            return list[at] switch
            {
                { ValueKind: JsonValueKind.String } text => text.GetString()!,
                { ValueKind: JsonValueKind.Number } label => label.GetRawText(),
                var other => throw row.Error($"\"{prefix}choices.label\" holds {JsonRow.Kind(other)}; a text is needed"),
            };
        }
    }

    private sealed class ArithmeticRows : MibRows
    {
        internal override MibExample? Read(JsonRow row, JsonElement root, string counterfactual, Tokenizer tokenizer)
        {
            var column = Column(row, root, counterfactual);
            if (JsonRow.Find(root, $"{column}.prompt") is null || JsonRow.Find(root, $"{column}.label") is null || Text(row, root, "operator") is not ("+" or "-" or "−")) return null;
            string good = Text(row, root, "label"), bad = Text(row, root, $"{column}.label");
            if (tokenizer.Encode(good).Length != 1 || tokenizer.Encode(bad).Length != 1) return null;
            return new(Text(row, root, "prompt"), Text(row, root, $"{column}.prompt"), good, bad);
        }
    }
}
