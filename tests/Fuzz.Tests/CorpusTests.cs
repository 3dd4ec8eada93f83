using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Fuzz.Tests;

/// <summary>Files that once crashed, misled or cost gigabytes.</summary>
public sealed class CorpusTests
{
    private static string Corpus(string name) => Path.Combine(AppContext.BaseDirectory, "Corpus", name);

    [Theory]
    [InlineData("oob12")]
    [InlineData("oob100000")]
    [InlineData("decoder-escapes")]
    public void A_text_is_continued_with_tokens_that_the_model_has(string folder) =>
        Assert.Equal(0, CommandRun.Checked("generate", "--model", Corpus(folder), "--prompt", "a", "--device", "cpu"));

    [Theory]
    [InlineData("oob12")]
    [InlineData("oob100000")]
    public void A_token_past_the_embedding_is_refused(string folder)
    {
        var (code, error) = CommandRun.Run("generate", "--model", Corpus(folder), "--prompt", "b", "--device", "cpu");
        Assert.Equal(2, code);
        Assert.Contains("vocabulary", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("ctx-index")]
    [InlineData("ctx-overflow")]
    public void A_long_context_costs_nothing(string folder)
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Equal(0, CommandRun.Checked("accuracy", "--model", Corpus(folder), "--data", Path.Combine(Corpus(folder), "d.jsonl"), "--device", "cpu"));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    [Fact]
    public void A_long_word_in_a_file_makes_no_long_message()
    {
        var error = Assert.Throws<InputException>(() => PromptSet.Load(Corpus("long-word.jsonl"), null, RandomWeights.Create("stories260k").Config));
        Assert.InRange(error.Message.Length, 1, 1000);
        Assert.Contains("line 1, column ", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_name_in_a_score_file_forges_no_line() => CommandRun.Checked("compare", Corpus("evil.json"), Corpus("evil.json"));
}
