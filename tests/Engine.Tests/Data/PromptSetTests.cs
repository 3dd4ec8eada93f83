using Faith.Engine.Data;
using Xunit;

namespace Faith.Engine.Tests.Data;

public sealed class PromptSetTests : DataTest
{
    private static readonly Example One = new([1, 2], [1, 3], [4], [5]);

    [Fact]
    public void Examples_in_memory_keep_their_ids()
    {
        var set = PromptSet.FromExamples("mine", [One, One with { Answers = [6] }], Config);
        Assert.Equal("mine", set.Name);
        Assert.Equal(One.Clean, set[0].Clean);
        Assert.Equal([6], set[1].Answers);
    }

    [Fact]
    public void The_hash_depends_on_every_id_and_on_where_it_stands()
    {
        Example[] others = [One with { Clean = [1, 3] }, One with { Corrupted = [1, 2] }, One with { Answers = [4, 5] }, new([1, 2], [1, 3], [5], [4]), One with { Distractors = [6] }];
        var hashes = others.Append(One).Select(e => PromptSet.FromExamples("x", [e]).Hash).ToArray();
        Assert.Equal(hashes.Length, hashes.Distinct().Count());
        Assert.Equal(hashes[^1], PromptSet.FromExamples("y", [One]).Hash);
        Assert.Equal(64, hashes[0].Length);
    }

    [Fact]
    public void Texts_in_memory_are_tokenized_like_a_file()
    {
        var tokenizer = new WordTokenizer();
        var set = PromptSet.FromText("mine", [("the cat", "the dog", [" sat", " lay"], [" flew"])], tokenizer, Config);
        Assert.Equal([0, .. tokenizer.Encode("the cat")], set[0].Clean);
        Assert.Equal([.. tokenizer.Encode(" sat"), .. tokenizer.Encode(" lay")], set[0].Answers);
        Assert.Equal(new PromptText("the cat", "the dog", "example 1"), set.Texts[0]);
    }

    [Fact]
    public void Errors_name_the_example()
    {
        Assert.Equal("mine, example 2: clean has 2 tokens and corrupted 1; both must have the same number (clean: 1 2; corrupted: 1)",
            Assert.Throws<InputException>(() => PromptSet.FromExamples("mine", [One, One with { Corrupted = [1] }])).Message);
        Assert.Equal("mine, example 1: token id 50257 in \"distractors\" is outside the vocabulary (0 to 50256); ids must be those of the model's own tokenizer",
            Assert.Throws<InputException>(() => PromptSet.FromExamples("mine", [One with { Distractors = [50257] }], Config)).Message);
        Assert.StartsWith("mine, example 1: \" two words\" in \"answers\" is 2 tokens",
            Assert.Throws<InputException>(() => PromptSet.FromText("mine", [("a", "b", [" two words"], [" c"])], new WordTokenizer(), Config)).Message, StringComparison.Ordinal);
        Assert.Equal("mine: the data set holds no examples", Assert.Throws<InputException>(() => PromptSet.FromExamples("mine", [])).Message);
    }

    public static TheoryData<string, int> PaperFiles => new()
    {
        { "ioi", 200 }, { "greater-than", 200 }, { "greater-than-price", 200 }, { "greater-than-sequence", 200 }, { "gender-bias", 200 },
        { "fact-retrieval-comma", 190 }, { "hypernymy-comma", 198 }, { "sva", 200 },
    };

    [SharedDataTheory("paper-tasks")]
    [MemberData(nameof(PaperFiles))]
    public void Real_files_are_read(string name, int count)
    {
        var path = SharedData.Find($"paper-tasks/{name}.csv")!;
        var drafts = CsvPrompts.Read(path, File.ReadAllBytes(path), new WordTokenizer(), new AnswerWords(null), PromptNeeds.Everything).ToList();
        Assert.Equal(count, drafts.Count);
        Assert.All(drafts, d =>
        {
            Assert.False(string.IsNullOrEmpty(d.Clean.Text) || string.IsNullOrEmpty(d.Corrupted?.Text));
            Assert.NotEmpty(d.Answers!);
            Assert.NotEmpty(d.Distractors!);
            Assert.All([.. d.Answers!, .. d.Distractors!], t => Assert.True(t.Text is not null || t.Id is >= 0 and < 50257));
        });
    }
}
