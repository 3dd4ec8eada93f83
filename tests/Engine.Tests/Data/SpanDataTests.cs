using Faith.Engine.Data;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Data;

/// <summary>Spans in data: how tokens count, and what is refused.</summary>
public sealed class SpanDataTests : DataTest
{
    private static readonly PromptNeeds BySpan = PromptNeeds.Everything with { Positions = PositionKind.Spans };
    private static readonly PromptNeeds ByToken = PromptNeeds.Everything with { Positions = PositionKind.Tokens };

    private static string Line(string spans, string clean = "[1, 2, 3, 4, 5]", string corrupted = "[1, 2, 9, 4, 5]") =>
        $$"""{"clean": {{clean}}, "corrupted": {{corrupted}}, "answers": [6], "distractors": [7], "spans": {{spans}}}""" + "\n";

    [Fact]
    public void Ids_count_as_they_stand()
    {
        var set = Load(Line("""{"b": [3, 5], "a": [1, 2]}""") + Line("""{"a": [2, 2], "b": [0, 1]}"""), BySpan);
        var (names, examples) = Positions.Apply(set, PositionKind.Spans);
        Assert.Equal(["a", "b", "rest"], names);
        Assert.Equal([2, 0, 2, 1, 1], examples[0].SpanOf!);
        Assert.Equal([1, 2, 2, 2, 2], examples[1].SpanOf!);
        Assert.Equal([2, 0, 0, 0, 0], Positions.Apply([set[1]], PositionKind.Spans, ["rest", "bos", "b", "a"]).Examples[0].SpanOf!);
    }

    [Fact]
    public void Tokens_of_a_text_count_after_its_begin_token()
    {
        var tokenizer = new WordTokenizer();
        var set = Load("""{"clean": "a b c", "corrupted": "a d c", "answers": [6], "distractors": [7], "spans": {"second": [1, 2]}}""", BySpan, tokenizer);
        Assert.Equal(1, set[0].BeginTokens);
        var (names, examples) = Positions.Apply(set, PositionKind.Spans);
        Assert.Equal(["bos", "second", "rest"], names);
        Assert.Equal([0, 2, 1, 2], examples[0].SpanOf!);
        Assert.Equal(["bos", "0", "1", "2"], Positions.Apply(set, PositionKind.Tokens).Names);
    }

    [Fact]
    public void A_span_that_covers_all_leaves_no_rest() =>
        Assert.Equal(["a", "b"], Positions.Apply(Load(Line("""{"b": [2, 5], "a": [0, 2]}"""), BySpan), PositionKind.Spans).Names);

    [Theory]
    [InlineData("""{"a": [1, 6]}""", "line 1: the span \"a\" from token 1 to before token 6 is not within the prompt, whose own tokens are 0 to 4")]
    [InlineData("""{"a": [3, 1]}""", "line 1: the span \"a\" from token 3 to before token 1")]
    [InlineData("""{"a": [0, 3], "b": [2, 4]}""", "line 1: the spans \"a\" and \"b\" overlap")]
    [InlineData("""{"a": [0]}""", "line 1: \"a\" in \"spans\" must be the number of its first token and that after its last, as in [1, 3]")]
    [InlineData("""{"a": [0, 1, 2]}""", "line 1: \"a\" in \"spans\" must be")]
    [InlineData("""{"a": [-1, 2]}""", "line 1: \"a\" in \"spans\" must be")]
    [InlineData("""{"a": [0.5, 2]}""", "line 1: \"a\" in \"spans\" must be")]
    [InlineData("""{"a": "0-2"}""", "line 1: \"a\" in \"spans\" must be")]
    [InlineData("[[0, 1]]", "line 1: \"spans\" is a list; it must be an object")]
    [InlineData("null", "line 1: \"spans\" is missing, which --positions spans needs")]
    [InlineData("{}", "line 1: \"spans\" is missing")]
    [InlineData("""{"": [0, 1]}""", "line 1: the name of the span \"\" is empty")]
    [InlineData("""{"a@b": [0, 1]}""", "holds @, ->")]
    [InlineData("""{"a->b": [0, 1]}""", "holds @, ->")]
    [InlineData("""{"a\nb": [0, 1]}""", "holds @, ->")]
    [InlineData("""{"12": [0, 1]}""", "is a number, as single tokens are called")]
    [InlineData("""{"a\u202eb": [0, 1]}""", "holds @, ->")]
    [InlineData("""{"a\u200bb": [0, 1]}""", "holds @, ->")]
    [InlineData("""{"rest": [0, 1]}""", "line 1: no span can be called \"rest\", as the tokens in no span are")]
    [InlineData("""{"bos": [0, 1]}""", "line 1: no span can be called \"bos\", as the begin token is")]
    public void Wrong_spans_are_refused_with_their_line(string spans, string expected) =>
        Assert.Contains(expected, Refused(() => Load(Line(spans), BySpan)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"a": [0, 1]}""", "line 2: has no span \"b\", which the first example has; all must have the same")]
    [InlineData("""{"a": [0, 1], "b": [1, 2], "c": [2, 3]}""", "line 2: the first example has no span \"c\"; all must have the same")]
    public void All_examples_have_the_same_spans(string second, string expected) =>
        Assert.Contains(expected, Refused(() => Load(Line("""{"a": [0, 1], "b": [1, 2]}""") + Line(second), BySpan)), StringComparison.Ordinal);

    [Fact]
    public void More_spans_than_a_graph_can_have_are_refused_at_once() =>
        Assert.Contains("line 1: has 20000 spans; at most 4096 can be told apart", Refused(() => Load(Line($"{{{string.Join(", ", Enumerable.Range(0, 20_000).Select(i => $"\"s{i}\": [0, 0]"))}}}"), BySpan)), StringComparison.Ordinal);

    [Fact]
    public void Nobody_who_does_not_ask_for_spans_minds_them() =>
        Assert.Null(Load(Line("[3]") + Line("""{"a": [9, 0]}"""), PromptNeeds.Everything)[0].Spans);

    [Fact]
    public void Single_tokens_need_prompts_of_one_length()
    {
        Assert.Equal(["0", "1", "2", "3", "4"], Positions.Apply(Load(Line("null") + Line("{}"), ByToken), PositionKind.Tokens).Names);
        Assert.Contains("line 2: the prompt has 3 tokens and the first one 5; --positions tokens needs prompts of one length", Refused(() => Load(Line("null") + Line("null", "[1, 2, 3]", "[1, 2, 4]"), ByToken)), StringComparison.Ordinal);
    }

    // The columns of PEAP's data: where each span begins, position 0 being the begin token, and last the length.
    [Fact]
    public void Columns_of_csv_files_hold_where_spans_begin()
    {
        const string Content = ",clean,corrupted,correct_idx,incorrect_idx,prompt_id,mid,IO,S1+1,to,length,wrong_token\n0,a b c d e,a b x d e,5,6,0,1,2,2,5,6,x\n";
        var set = PromptSet.Load(Write("d.csv", Content), new WordTokenizer(), Config, BySpan);
        Assert.Equal([new("mid", 0, 1), new("IO", 1, 1), new("S1+1", 1, 4), new("to", 4, 5)], set[0].Spans!);
        var (names, examples) = Positions.Apply(set, PositionKind.Spans);
        Assert.Equal(["bos", "mid", "IO", "S1+1", "to"], names);
        Assert.Equal([0, 1, 3, 3, 3, 4], examples[0].SpanOf!);
        var named = new PromptFormat { Columns = PromptColumns.Parse("clean=clean,answers=correct_idx,distractors=incorrect_idx,spans=IO:to:length") };
        Assert.Equal([new("IO", 1, 4), new("to", 4, 5)], PromptSet.Load(Write("d.csv", Content), new WordTokenizer(), Config, BySpan, named)[0].Spans!);
        Assert.Contains("line 2: \"x\" in \"wrong_token\" is not the position of a token", Refused(() => PromptSet.Load(Write("d.csv", Content), new WordTokenizer(), Config, BySpan,
            new PromptFormat { Columns = PromptColumns.Parse("answers=correct_idx,distractors=incorrect_idx,spans=to:wrong_token") })), StringComparison.Ordinal);
        Assert.Contains("there is no column \"S3\"", Refused(() => PromptSet.Load(Write("d.csv", Content), new WordTokenizer(), Config, BySpan,
            new PromptFormat { Columns = PromptColumns.Parse("answers=correct_idx,distractors=incorrect_idx,spans=S3:length") })), StringComparison.Ordinal);
        Assert.Contains("line 2: the span \"IO\" is given twice", Refused(() => PromptSet.Load(Write("d.csv", Content), new WordTokenizer(), Config, BySpan,
            new PromptFormat { Columns = PromptColumns.Parse("answers=correct_idx,distractors=incorrect_idx,spans=IO:IO:length") })), StringComparison.Ordinal);
        Assert.Contains("is not within the prompt", Refused(() => PromptSet.Load(Write("d.csv", Content.Replace(",6,x\n", ",7,x\n", StringComparison.Ordinal)), new WordTokenizer(), Config, BySpan)), StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_may_be_called_otherwise()
    {
        var format = new PromptFormat { Columns = PromptColumns.Parse("spans=meta.roles") };
        Assert.Equal([new("a", 0, 2)], PromptSet.Load(Write("d.jsonl", """{"clean": [1, 2], "corrupted": [1, 3], "answers": [6], "distractors": [7], "meta": {"roles": {"a": [0, 2]}}}"""), null, Config, BySpan, format)[0].Spans!);
        Assert.Equal("clean=clean,corrupted=corrupted,answers=answers,distractors=distractors,spans=meta.roles", format.Columns!.ToString());
    }

    private PromptSet Load(string content, PromptNeeds needs, Tokenizer? tokenizer = null) => PromptSet.Load(Write("data.jsonl", content), tokenizer, Config, needs);
}
