using System.Security.Cryptography;
using Faith.Engine.Data;
using Faith.Engine.Tests.Tokenizers;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Data;

public sealed class JsonLinesTests : DataTest
{
    private const string Ids = """{"clean": [1, 2, 3], "corrupted": [1, 5, 3], "answers": [7], "distractors": [8, 9]}""";
    private const string Text = """{"clean": "the cat sat", "corrupted": "the dog sat", "answers": [" on"], "distractors": [" off", 12]}""";

    [Fact]
    public void Id_lists_are_used_as_they_stand()
    {
        var set = Jsonl(Ids, new WordTokenizer());
        var example = Assert.Single(set);
        Assert.Equal([1, 2, 3], example.Clean);
        Assert.Equal([1, 5, 3], example.Corrupted);
        Assert.Equal([7], example.Answers);
        Assert.Equal([8, 9], example.Distractors);
        Assert.Equal(new PromptText(null, null, "line 1"), Assert.Single(set.Texts));
    }

    [Fact]
    public void Ids_need_no_tokenizer() => Assert.Single(Jsonl(Ids, tokenizer: null));

    [Fact]
    public void Text_gets_the_begin_token_once_and_answers_none()
    {
        var tokenizer = new WordTokenizer();
        var set = Jsonl(Text + "\n" + Text.Replace("the cat", "<s>the cat", StringComparison.Ordinal), tokenizer);
        Assert.Equal([0, .. tokenizer.Encode("the cat sat")], set[0].Clean);
        Assert.Equal(set[0].Clean, set[1].Clean);
        Assert.Equal(tokenizer.Encode(" on"), set[0].Answers);
        Assert.Equal([.. tokenizer.Encode(" off"), 12], set[0].Distractors);
        Assert.Equal(new PromptText("the cat sat", "the dog sat", "line 1"), set.Texts[0]);
    }

    [Fact]
    public void A_model_without_begin_token_gets_the_bare_text()
    {
        var tokenizer = new WordTokenizer(begins: false);
        Assert.Equal(tokenizer.Encode("the cat sat"), Jsonl(Text, tokenizer)[0].Clean);
    }

    [Fact]
    public void Name_and_hash_are_the_files()
    {
        var set = Jsonl(Ids);
        Assert.Equal("data.jsonl", set.Name);
        Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(System.Text.Encoding.UTF8.GetBytes(Ids))), set.Hash);
    }

    [Theory]
    [InlineData("\uFEFF" + Ids)]
    [InlineData(Ids + "\r\n" + Ids + "\r\n")]
    [InlineData("\n  \n" + Ids + "\n\n")]
    [InlineData("""{"note": {"x": [1]}, "clean": [1, 2], "corrupted": [1, 5], "answers": [7], "distractors": [8], "label": null}""")]
    public void Byte_order_mark_blank_lines_and_other_fields_are_no_obstacle(string content) => Assert.NotEmpty(Jsonl(content));

    [Fact]
    public void A_list_of_objects_is_read_like_lines()
    {
        var lines = Jsonl(Ids + "\n" + Ids);
        foreach (var list in (string[])[$"[{Ids},{Ids}]", $"\uFEFF \n[\n{Ids},\n{Ids}\n]\n", $"[{Ids.Replace(",", ",\n", StringComparison.Ordinal)} , {Ids}]"])
        {
            foreach (var name in (string[])["list.json", "list.jsonl"])
            {
                var set = PromptSet.Load(Write(name, list), null, Config);
                Assert.Equal(lines.Select(e => e.Clean), set.Select(e => e.Clean));
                Assert.Equal(lines.Select(e => e.Distractors), set.Select(e => e.Distractors));
            }
        }
    }

    [Fact]
    public void Columns_may_be_called_otherwise_and_lie_in_structs()
    {
        var columns = PromptColumns.Parse("clean=prompt, corrupted=other.prompt,answers=meta.good,distractors=bad.of.all");
        var set = PromptSet.Load(Write("d.jsonl", """{"prompt": [1, 2], "other": {"prompt": [1, 3]}, "meta": {"good": 7}, "bad.of": {"all": [8, 9]}, "clean": "no"}"""), null, Config, format: new() { Columns = columns });
        Assert.Equal((2, 3), (set[0].Clean[1], set[0].Corrupted[1]));
        Assert.Equal([7], set[0].Answers);
        Assert.Equal([8, 9], set[0].Distractors);
        Assert.Equal(columns, PromptColumns.Parse(columns.ToString()));
        Assert.Contains("line 1: \"prompt\" is missing; the row has a, b", Refused(() => PromptSet.Load(Write("e.jsonl", """{"a": 1, "b": 2}"""), null, Config, format: new() { Columns = columns })), StringComparison.Ordinal);
        foreach (var text in (string[])["", "clean", "clean=", "prompt=clean", "clean=a,clean=b"]) Assert.Contains("--columns", Assert.Throws<InputException>(() => PromptColumns.Parse(text)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void First_keeps_name_and_hash()
    {
        var set = Jsonl(Ids + "\n" + Text, new WordTokenizer());
        var first = set.First(1);
        Assert.Equal(set[0], Assert.Single(first));
        Assert.Equal((set.Name, set.Hash), (first.Name, first.Hash));
        Assert.Same(set, set.First(2));
    }

    [Theory]
    [InlineData("{\"clean\": [1, 2", "data.jsonl, line 1, column 16: not valid JSON")]
    [InlineData("{\"clean\": [1, 2],}", "data.jsonl, line 1, column 18: not valid JSON")]
    [InlineData("{\"ülean\": oops}", "data.jsonl, line 1, column 11: not valid JSON")]
    [InlineData(Ids + "\nnonsense", "data.jsonl, line 2, column 2: not valid JSON")]
    [InlineData(Ids + Ids, "data.jsonl, line 1, column")]
    [InlineData("{\"clean\": [1], \"clean\": [2]}", "not valid JSON")]
    [InlineData(Ids + "\n[" + Ids + "]", "line 2: holds a list; JSONL has one object a line")]
    [InlineData("[" + Ids + ", 5]", "data.jsonl, example 2, line 1: holds a number where an object")]
    [InlineData("[\n  {\"clean\": [1], oops}\n]", "data.jsonl, line 2, column 18: not valid JSON")]
    [InlineData("[\n" + Ids + ",\n {\"clean\": [1], \"clean\": [2]}]", "data.jsonl, example 2, line 3: not valid JSON")]
    [InlineData("[\n" + Ids + "\n", "data.jsonl, line 3, column 1: not valid JSON")]
    [InlineData("[" + Ids + "]\n" + Ids, "data.jsonl, line 2, column 1: not valid JSON")]
    [InlineData("[]", "the data set holds no examples")]
    [InlineData("{\n  \"clean\": [1]\n}", "line 1: is JSON over several lines")]
    [InlineData("[\n\n  {\"clean\": [1]},\n\n {\n}]", "example 1, line 3: \"corrupted\" is missing")]
    [InlineData("\n{ \"clean\": [1],\n  \"corrupted\": [2] }\n", "line 2: is JSON over several lines")]
    [InlineData("{\"clean\": [1],\n\"corrupted\": ", "line 1, column 14: not valid JSON")]
    [InlineData("{\n  \"cfg\": {}}", "holds scores or a circuit, not prompts; it belongs to --scores or --circuit")]
    [InlineData("", "the data set holds no examples")]
    [InlineData("\n\n", "the data set holds no examples")]
    [InlineData("{}", "line 1: \"clean\" is missing")]
    [InlineData("""{"clean": [1], "corrupted": [1], "answers": [7]}""", "line 1: \"distractors\" is missing")]
    [InlineData("""{"clean": 5, "corrupted": [1], "answers": [7], "distractors": [8]}""", "\"clean\" is a number; it must be a text or a list of token ids")]
    [InlineData("""{"clean": [1, "x"], "corrupted": [1, 2], "answers": [7], "distractors": [8]}""", "\"clean\" holds a text; a list must hold token ids only")]
    [InlineData("""{"clean": [1.5], "corrupted": [1], "answers": [7], "distractors": [8]}""", "\"1.5\" in \"clean\" is not a token id")]
    [InlineData("""{"clean": [99999999999], "corrupted": [1], "answers": [7], "distractors": [8]}""", "\"99999999999\" in \"clean\" is not a token id")]
    [InlineData("""{"clean": [1], "corrupted": [1], "answers": 7, "distractors": [8]}""", "\"answers\" is a number; it must be a list")]
    [InlineData("""{"clean": [1], "corrupted": [1], "answers": [true], "distractors": [8]}""", "\"answers\" holds a truth value")]
    [InlineData("""{"clean": [1], "corrupted": [1], "answers": [], "distractors": [8]}""", "\"answers\" is empty")]
    [InlineData("""{"clean": [], "corrupted": [], "answers": [7], "distractors": [8]}""", "line 1: \"clean\" is empty")]
    [InlineData("""{"clean": [-1], "corrupted": [1], "answers": [7], "distractors": [8]}""", "token id -1 in \"clean\" is outside the vocabulary (0 to 50256)")]
    [InlineData("""{"clean": [1], "corrupted": [1], "answers": [50257], "distractors": [8]}""", "token id 50257 in \"answers\" is outside the vocabulary")]
    [InlineData("""{"clean": [1, 2, 3], "corrupted": [1, 3], "answers": [7], "distractors": [8]}""", "clean has 3 tokens and corrupted 2; both must have the same number (clean: 1 2 3; corrupted: 1 3)")]
    [InlineData("""{"clean": "a b", "corrupted": [1, 3], "answers": [7], "distractors": [8]}""", "\"clean\" holds text (\"a b\"), but the model has no tokenizer")]
    [InlineData("""{"clean": [1], "corrupted": [1], "answers": [" on"], "distractors": [8]}""", "\"answers\" holds text (\" on\"), but the model has no tokenizer")]
    public void Bad_lines_are_refused(string content, string message) => Assert.Contains(message, Refused(() => Jsonl(content)), StringComparison.Ordinal);

    [Theory]
    [InlineData("""{"clean": "a\nb c", "corrupted": "a b", "answers": [7], "distractors": [8]}""",
        "data.jsonl, line 1: clean has 5 tokens and corrupted 3; both must have the same number (clean: \"<s>\" \"a\" \"\\n\" \"b\" \" c\"; corrupted: \"<s>\" \"a\" \" b\")")]
    [InlineData("""{"clean": "", "corrupted": "", "answers": [7], "distractors": [8]}""", "\"clean\" is empty")]
    [InlineData("""{"clean": "a", "corrupted": "b", "answers": [" on top"], "distractors": [8]}""", "\" on top\" in \"answers\" is 2 tokens (\" on\" \" top\"); it must be exactly one")]
    [InlineData("""{"clean": "a", "corrupted": "b", "answers": [7], "distractors": [""]}""", "\"\" in \"distractors\" is 0 tokens; it must be exactly one")]
    [InlineData("""{"clean": "a\ud800", "corrupted": "b", "answers": [7], "distractors": [8]}""", "line 1: holds an escape that is half of a surrogate pair")]
    public void Bad_text_is_refused(string content, string message) => Assert.Contains(message, Refused(() => Jsonl(content, new WordTokenizer())), StringComparison.Ordinal);

    [Fact]
    public void A_prompt_may_fill_the_context_and_no_more()
    {
        Assert.Single(Jsonl(OfLength(Config.Context)));
        Assert.Contains("\"clean\" has 65 tokens; the model's context holds 64", Refused(() => Jsonl(OfLength(Config.Context + 1))), StringComparison.Ordinal);

        static string OfLength(int n) => $$"""{"clean": [{{string.Join(",", Enumerable.Repeat(1, n))}}], "corrupted": [{{string.Join(",", Enumerable.Repeat(2, n))}}], "answers": [7], "distractors": [8]}""";
    }

    [Fact]
    public void Long_prompts_are_shown_around_the_first_difference()
    {
        var config = Config with { Context = 1000 };
        var same = string.Join(",", Enumerable.Range(100, 300));
        var path = Write("long.jsonl", $$"""{"clean": [{{same}},7], "corrupted": [{{same}}], "answers": [7], "distractors": [8]}""");
        var message = Refused(() => PromptSet.Load(path, null, config));
        Assert.Contains("399 7; corrupted: ", message, StringComparison.Ordinal);
        Assert.True(message.Length < 1000, message);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_refused()
    {
        var path = Write("data.jsonl", [.. "{\"clean\": \""u8, 0xff, .. "\"}"u8]);
        Assert.Contains("line 1: is not valid UTF-8", Refused(() => PromptSet.Load(path, null, Config)), StringComparison.Ordinal);
    }

    [Fact]
    public void The_first_character_decides_for_other_extensions()
    {
        Assert.Single(PromptSet.Load(Write("data.txt", Ids), null, Config));
        Assert.Single(PromptSet.Load(Write("table.txt", "clean,corrupted,correct_idx,incorrect_idx\na,b,1,2\n"), new WordTokenizer(), Config));
    }

    [Fact]
    public void Missing_files_and_directories_are_refused()
    {
        var folder = Path.GetDirectoryName(Write("x", ""))!;
        Assert.Contains("nowhere.jsonl: no such file", Refused(() => PromptSet.Load(Path.Combine(folder, "nowhere.jsonl"), null, Config)), StringComparison.Ordinal);
        Directory.CreateDirectory(Path.Combine(folder, "sub"));
        Assert.Contains("sub: this is a directory", Refused(() => PromptSet.Load(Path.Combine(folder, "sub"), null, Config)), StringComparison.Ordinal);
    }

    [Fact]
    public void A_long_list_takes_no_longer_than_it_is()
    {
        // An element by its number is looked for from the start: 200,000 of them took minutes.
        var ids = string.Join(',', Enumerable.Repeat("1", 200_000));
        var clock = new WorkClock();
        Assert.Contains("holds a list", Refused(() => Jsonl($$"""{"clean": [{{ids}}, []], "corrupted": [1], "answers": [1], "distractors": [2]}""")));
        Assert.Contains("holds a list", Refused(() => Jsonl($$"""{"clean": [1], "corrupted": [1], "answers": [{{ids}}, []], "distractors": [2]}""")));
        Assert.True(clock.Elapsed.TotalSeconds < 5, $"{clock.Elapsed}");
    }

    [Fact]
    public void What_no_run_needs_may_be_missing_or_of_no_use()
    {
        PromptSet Load(string line, string? corrupted, string? answers) => PromptSet.Load(Write("d.jsonl", line), null, Config, new PromptNeeds(corrupted, answers, answers));
        const string alone = """{"clean": [1, 2, 3]}""", longer = """{"clean": [1, 2, 3], "corrupted": [4, 5], "answers": [6], "distractors": [7]}""", bad = """{"clean": [1, 2], "corrupted": [1, 3], "answers": ["text"], "distractors": [7]}""";
        Assert.Contains("\"corrupted\" is missing, which --ablation patching needs", Refused(() => Load(alone, "--ablation patching", null)));
        Assert.Contains("\"answers\" is missing, which --metric logit-diff needs", Refused(() => Load(alone, null, "--metric logit-diff")));
        const string nulls = """{"clean": [1, 2, 3], "corrupted": null, "answers": null, "distractors": null}""";
        Assert.Contains("\"corrupted\" is missing, which --ablation patching needs", Refused(() => Load(nulls, "--ablation patching", null)));
        Assert.Equal((false, false), (Load(nulls, null, null).HasCorrupted, Load(nulls, null, null).HasAnswers));
        var set = Load(alone, null, null);
        Assert.Equal((false, false, false), (set.HasCorrupted, set.HasAnswers, set.HasDistractors));
        Assert.Equal(set[0].Clean, set[0].Corrupted);
        Assert.Contains("both must have the same number", Refused(() => Load(longer, "--ablation patching", "--metric logit-diff")));
        Assert.Equal((false, true), (Load(longer, null, "--metric logit-diff").HasCorrupted, Load(longer, null, null).HasAnswers));
        Assert.False(Load(bad, "--ablation patching", null).HasAnswers);
        Assert.Empty(Load(bad, "--ablation patching", null)[0].Answers);
        const string answers = """{"clean": [1, 2], "answers": [6]}""";
        PromptSet WithAnswers(string line) => PromptSet.Load(Write("d.jsonl", line), null, Config, new PromptNeeds(null, "--metric logprob", null));
        Assert.Equal((true, false), (WithAnswers(answers).HasAnswers, WithAnswers(answers).HasDistractors));
        Assert.Contains("\"answers\" is missing, which --metric logprob needs; --metric kl and js do without", Refused(() => WithAnswers(alone)));
        Assert.Contains("\"distractors\" is missing, which --metric logit-diff needs; --metric logprob, kl and js do without", Refused(() => Load(answers, null, "--metric logit-diff")));
        Assert.Equal([4, 5], PromptSet.Load(Write("d.jsonl", longer), null, Config, PromptNeeds.Prompts)[0].Corrupted);
    }

    [Fact]
    public void An_answer_of_several_tokens_stands_by_its_first_where_that_is_asked_for()
    {
        var path = Write("d.jsonl", """{"clean": "a b", "corrupted": "a c", "answers": [" d e", " d e", " f"], "distractors": [" g h"]}""");
        Assert.Contains("is 2 tokens", Refused(() => PromptSet.Load(path, new WordTokenizer(), Config)));
        Assert.Contains("--answer-tokens first", Refused(() => PromptSet.Load(path, new WordTokenizer(), Config)));
        var tokenizer = new WordTokenizer();
        var set = PromptSet.Load(path, tokenizer, Config, format: new() { FirstTokens = true });
        Assert.Equal([" d", " d", " f"], set[0].Answers.Select(id => tokenizer.TokenText(id)));
        Assert.Equal([" g"], set[0].Distractors.Select(id => tokenizer.TokenText(id)));
        Assert.Equal(2, set.Shortened);
    }

    [Fact]
    public void An_answer_of_several_tokens_does_not_begin_with_a_space_that_only_the_tokenizer_puts_there()
    {
        var tokenizer = TokenizerLoader.FromJson(Fixtures.Path("sentencePiece.json"));
        Assert.Equal([" ", " T", "om"], tokenizer.Encode(" Tom").Select(tokenizer.TokenText));
        var path = Write("d.jsonl", """{"clean": "a", "corrupted": "a", "answers": [" Tom"], "distractors": [" Dot"]}""");
        var set = PromptSet.Load(path, tokenizer, Config with { Vocabulary = tokenizer.Count }, format: new() { FirstTokens = true });
        Assert.Equal([" T", " D"], set[0].Answers.Concat(set[0].Distractors).Select(tokenizer.TokenText));
    }

    [Theory]
    [InlineData("PAR1", "is no Parquet file that can be read")]
    [InlineData("PK\u0003\u0004", ".xlsx")]
    [InlineData("SQLite format 3", "SQLite")]
    [InlineData("version https://git-lfs", "Git LFS pointer")]
    [InlineData("{\0\"\0", "is UTF-16 text; save it as UTF-8")]
    [InlineData("\0{\0\"", "is UTF-16 text; save it as UTF-8")]
    [InlineData("\u0080\u0002}q", "is a Python pickle (.pt, .pkl), which is not read; write its rows as JSONL or CSV")]
    [InlineData("\u0093NUMPY", "is a NumPy array")]
    [InlineData("\u0028\u00B5\u002F\u00FD", "is compressed (Zstandard)")]
    [InlineData("BZh91AY", "is compressed (bzip2)")]
    [InlineData("\u00FD7zXZ", "is compressed (xz)")]
    public void Other_files_are_called_by_their_names(string begin, string what) =>
        Assert.Contains(what, Refused(() => PromptSet.Load(Write("d.jsonl", System.Text.Encoding.Latin1.GetBytes(begin + " and more")), null, Config)));

    [Fact]
    public void Lines_and_numbers_of_examples_without_measure_are_refused()
    {
        Assert.Contains("line 1: is longer than 32 MiB", Refused(() => Jsonl("{\"clean\": [" + new string(' ', 32 << 20) + "1]}")), StringComparison.Ordinal);
        var path = Write("many.jsonl", string.Concat(Enumerable.Repeat("{\"clean\":[1]}\n", 1_000_001)));
        Assert.Contains("holds more than 1000000 examples", Refused(() => PromptSet.Load(path, null, Config, new PromptNeeds(null, null, null))), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_device_without_end_is_refused_and_a_pipe_is_read()
    {
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.StartsWith("/dev/zero, line 1: is longer than 32 MiB", Assert.Throws<InputException>(() => PromptSet.Load("/dev/zero", null, Config)).Message);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
        var pipe = Pipe();
        var writing = Task.Run(() => File.WriteAllText(pipe, Ids));
        Assert.Single(PromptSet.Load(pipe, null, Config));
        await writing;
    }

    /// <summary>Each would go on for ever, and is left at its first line that is none.</summary>
    [Theory]
    [InlineData("printf '{}\\n\\n'; yes \"$(printf '\\377')\"", "line 3: is not valid UTF-8")]
    [InlineData("printf '{}\\n\\n'; cat /dev/zero", "line 3: is longer than 32 MiB")]
    [InlineData("yes \"$(printf '\\037\\213')\"", "is compressed (gzip)")]
    public void A_stream_without_end_is_left_where_it_is_seen(string writes, string expected)
    {
        var pipe = Pipe();
        using var writing = System.Diagnostics.Process.Start("sh", ["-c", $"({writes}) > {pipe}"]);
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains(expected, Refused(() => PromptSet.Load(pipe, null, Config)), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 256 << 20);
        writing.WaitForExit();
    }

    private string Pipe()
    {
        var pipe = Write("pipe", "");
        File.Delete(pipe);
        using var make = System.Diagnostics.Process.Start("mkfifo", [pipe]);
        make.WaitForExit();
        return pipe;
    }

    [Fact]
    public void Messages_are_short_whatever_the_tokens_are()
    {
        var hidden = string.Concat(Enumerable.Repeat("\\u0000", 62));
        var answer = Refused(() => Jsonl("{\"clean\": \"a\", \"corrupted\": \"a\", \"answers\": [\"" + hidden + "\"], \"distractors\": [\"b\"]}", new WordTokenizer()));
        Assert.InRange(answer.Length, 1, 900);
        Assert.Contains("is 62 tokens (\"\\u0000\" ", answer, StringComparison.Ordinal);
        Assert.Contains(" more …); it must be exactly one", answer, StringComparison.Ordinal);

        // The first difference is shown also where it comes late.
        var prompts = Refused(() => Jsonl("{\"clean\": \"" + hidden[..^12] + "left\", \"corrupted\": \"" + hidden[..^12] + "right one\", \"answers\": [\"a\"], \"distractors\": [\"b\"]}", new WordTokenizer()));
        Assert.InRange(prompts.Length, 1, 1000);
        Assert.Contains("\"left\"", prompts, StringComparison.Ordinal);
        Assert.Contains("\"right\"", prompts, StringComparison.Ordinal);
    }
}
