using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tokenizers;
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

    [Theory]
    [InlineData("long-prefix.tokenizer.json", "continuing_subword_prefix: is 2000 characters long")]
    [InlineData("sixty-splits.tokenizer.json", "more than 24 normalizers")]
    [InlineData("unigram.tokenizer.json", "'Unigram' is not supported")]
    [InlineData("pretty.jsonl", "is JSON over several lines")]
    [InlineData("list.jsonl", "holds a list; JSONL has one object a line")]
    [InlineData("lfs-pointer.jsonl", "is a Git LFS pointer")]
    [InlineData("parquet.jsonl", "is a Parquet file")]
    [InlineData("workbook.csv", ".xlsx")]
    [InlineData("nan.scores.json", "edges[\"m0->logits\"].score: is NaN or infinite")]
    [InlineData("pickle.scores.json", "is a Python pickle")]
    public void A_file_is_refused_for_what_it_is(string name, string message)
    {
        using var weights = RandomWeights.Create("stories260k");
        var refusal = Assert.Throws<InputException>(() =>
        {
            if (name.EndsWith(".tokenizer.json", StringComparison.Ordinal)) TokenizerLoader.FromJson(Corpus(name));
            else if (name.EndsWith(".scores.json", StringComparison.Ordinal)) ScoreFile.Read(Corpus(name));
            else PromptSet.Load(Corpus(name), null, weights.Config);
        });
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.InRange(refusal.Message.Length, 1, 1000);
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
