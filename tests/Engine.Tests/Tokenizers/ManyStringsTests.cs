using System.Globalization;
using System.Text.Json;
using Faith.Engine.Tokenizers;
using Xunit;
using Xunit.Abstractions;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>The ids that oracle/compare.mjs has written for many strings under published vocabularies, which are not in the repository; oracle/compare.sh runs both.</summary>
public sealed class ManyStringsTests(ITestOutputHelper output)
{
    private const string Variable = "FAITH_TOKENIZER_STRINGS";

    private sealed class StringsFactAttribute : FactAttribute
    {
        public StringsFactAttribute()
        {
            if (Environment.GetEnvironmentVariable(Variable) is not { Length: > 0 }) Skip = $"{Variable} names no folder; oracle/compare.sh makes one";
        }
    }

    [StringsFact]
    public void TheIdsAreThoseOfTheOriginal()
    {
        string folder = Environment.GetEnvironmentVariable(Variable)!;
        string[] strings = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path.Combine(folder, "strings.json")))!;
        List<string> differences = [];
        foreach (string vocabulary in Directory.GetDirectories(folder).Order(StringComparer.Ordinal))
        {
            Tokenizer tokenizer = TokenizerLoader.FromJson(Path.Combine(vocabulary, "tokenizer.json"));
            string[] expected = File.ReadAllLines(Path.Combine(vocabulary, "ids.txt"));
            Assert.Equal(strings.Length, expected.Length);
            int before = differences.Count;
            for (int i = 0; i < strings.Length; i++)
            {
                string ids = string.Join(' ', tokenizer.Encode(strings[i]).Select(id => id.ToString(CultureInfo.InvariantCulture)));
                if (ids != expected[i]) differences.Add($"{Path.GetFileName(vocabulary)}: {JsonSerializer.Serialize(strings[i])} is {expected[i]} and not {ids}");
            }
            output.WriteLine($"{Path.GetFileName(vocabulary)}: {strings.Length} strings, {differences.Count - before} differences");
        }
        foreach (string difference in differences.Take(20)) output.WriteLine(difference);
        Assert.Empty(differences);
    }
}
