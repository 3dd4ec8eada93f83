using Faith.Engine.Tasks;
using Faith.Engine.Tests.Data;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tasks;

public sealed class TaskDataTests : DataTest
{
    [Fact]
    public void A_tokenizer_that_knows_the_words_loses_nothing()
    {
        var (prompts, skipped) = TaskData.Load(TaskCatalog.Find("ioi"), 30, 0, TaskSplit.HeldOut, new WordTokenizer(), Config);
        Assert.Equal((30, 0), (prompts.Count, skipped));
        Assert.Equal(TaskCatalog.Find("ioi").Generate(30, 0, TaskSplit.HeldOut).Select(p => p.Clean), prompts.Texts.Select(t => t.Clean));
    }

    [Fact]
    public void Prompts_that_do_not_fit_are_passed_over_and_counted()
    {
        var (prompts, skipped) = TaskData.Load(TaskCatalog.Find("ioi"), 30, 0, TaskSplit.HeldOut, new Splitting(" A"), Config);
        Assert.Equal(30, prompts.Count);
        Assert.InRange(skipped, 1, 200);
        // Names that start with A are several tokens now: neither answer nor actor, nor the third name alone.
        Assert.All(prompts.Texts.Zip(prompts), p => Assert.Equal(p.Second.Clean.Length, p.Second.Corrupted.Length));
    }

    [Fact]
    public void Words_of_several_tokens_leave_a_list_without_the_prompt()
    {
        var (prompts, skipped) = TaskData.Load(TaskCatalog.Find("greater-than"), 10, 0, TaskSplit.HeldOut, new Splitting("9"), Config);
        Assert.InRange(prompts.Count + skipped, 10, 200);
        var all = TaskCatalog.Find("greater-than").Generate(prompts.Count + skipped, 0, TaskSplit.HeldOut);
        Assert.All(prompts.Texts.Zip(prompts), p =>
            Assert.Equal(all.Single(a => a.Clean == p.First.Clean && a.Corrupted == p.First.Corrupted).Answers.Count(a => !a.Contains('9')), p.Second.Answers.Length));
    }

    [Fact]
    public void A_task_without_any_fitting_prompt_is_refused()
    {
        var message = Assert.Throws<InputException>(() => TaskData.Load(TaskCatalog.Find("ioi"), 5, 0, TaskSplit.HeldOut, new Splitting(" "), Config)).Message;
        Assert.Contains("task ioi: none of 100 prompts fits", message, StringComparison.Ordinal);
    }

    /// <summary>Cuts every word that holds a piece of text into two tokens.</summary>
    private sealed class Splitting(string piece) : Tokenizer
    {
        private readonly WordTokenizer words = new();

        public override int Count => words.Count;
        public override int? BeginToken => words.BeginToken;
        public override int[] Encode(string text, CancellationToken cancellation = default) => [.. words.Encode(text, cancellation).SelectMany(id => words.TokenText(id).Contains(piece, StringComparison.Ordinal) ? new[] { id, id } : [id])];
        public override string Decode(ReadOnlySpan<int> ids) => words.Decode(ids);
    }
}
