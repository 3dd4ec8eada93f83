using Faith.Engine.Data;
using Xunit;

namespace Faith.Engine.Tests.Data;

public sealed class ParquetTests : DataTest
{
    private static readonly PromptFormat Nested = new() { Columns = PromptColumns.Parse("clean=prompt,corrupted=other.prompt,answers=other.labels,distractors=wrong") };

    [Fact]
    public void Rows_are_read_with_their_structs_and_lists()
    {
        var path = ParquetFile.Write(Write("d.parquet", ""), Rows(5), group: 2);
        var tokenizer = new WordTokenizer();
        var set = PromptSet.Load(path, tokenizer, Config, format: Nested);
        Assert.Equal(5, set.Count);
        for (var i = 0; i < 5; i++)
        {
            Assert.Equal($"<s>a{(char)('a' + i)} b", tokenizer.Decode(set[i].Clean));
            Assert.Equal($"<s>c{(char)('a' + i)} d", tokenizer.Decode(set[i].Corrupted));
            Assert.Equal([" on", " off"], set[i].Answers.Select(id => tokenizer.TokenText(id)));
            Assert.Equal([7 + i], set[i].Distractors);
        }
        // Whatever the file is called: its first bytes tell.
        Assert.Equal(5, PromptSet.Load(ParquetFile.Write(Write("d.csv", ""), Rows(5)), tokenizer, Config, format: Nested).Count);
    }

    [Fact]
    public void The_own_form_needs_no_columns_and_nulls_are_missing()
    {
        var path = ParquetFile.Write(Write("d.parquet", ""), [new Own { clean = [1, 2], corrupted = [1, 3], answers = [7], distractors = [8] }, new Own { clean = [1, 2], answers = [7], distractors = [8] }]);
        Assert.Contains("d.parquet, row 2: \"corrupted\" is missing", Refused(() => PromptSet.Load(path, null, Config)), StringComparison.Ordinal);
        var set = PromptSet.Load(path, null, Config, new PromptNeeds(null, null, null));
        Assert.Equal((true, false), (set[0].HasCorrupted, set[1].HasCorrupted));
        Assert.Contains("row 1: \"prompt\" is missing; the row has clean, corrupted", Refused(() => PromptSet.Load(path, null, Config, format: Nested)), StringComparison.Ordinal);
    }

    [Fact]
    public void Damage_is_one_line_that_names_the_file()
    {
        var whole = File.ReadAllBytes(ParquetFile.Write(Write("d.parquet", ""), Rows(20)));
        var random = new Random(1);
        for (var i = 0; i < 300; i++)
        {
            var bytes = (byte[])whole.Clone();
            if (i % 3 == 0) bytes = bytes[..random.Next(4, bytes.Length)];
            else for (var edits = random.Next(1, 6); edits > 0; edits--) bytes[random.Next(4, bytes.Length)] = (byte)random.Next(256);
            var path = Write("e.parquet", bytes);
            try
            {
                PromptSet.Load(path, new WordTokenizer(), Config, format: Nested);
            }
            catch (InputException e)
            {
                Assert.Contains("e.parquet", e.Message, StringComparison.Ordinal);
                Assert.DoesNotContain('\n', e.Message);
            }
        }
    }

    private static IEnumerable<Row> Rows(int count) => Enumerable.Range(0, count).Select(i => new Row
    {
        prompt = $"a{(char)('a' + i)} b", other = new() { prompt = $"c{(char)('a' + i)} d", labels = [" on", " off"] }, wrong = 7 + i,
    });

#pragma warning disable CA1812, IDE1006, SA1300 // columns are called as in files
    private sealed class Row
    {
        public string? prompt { get; set; }
        public Struct? other { get; set; }
        public long wrong { get; set; }
    }

    private sealed class Struct
    {
        public string? prompt { get; set; }
        public List<string>? labels { get; set; }
    }

    private sealed class Own
    {
        public List<int>? clean { get; set; }
        public List<int>? corrupted { get; set; }
        public List<int>? answers { get; set; }
        public List<int>? distractors { get; set; }
    }
}
