using System.Text.Json.Nodes;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>Steps that are linear in the text and yet too many, text that is written to be removed again, and files that are more than they seem.</summary>
public sealed class ResourceTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData(@"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    [InlineData(@"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+")]
    public void ThePatternsOfLlama3AndGpt4oAreNotStopped(string pattern)
    {
        Tokenizer tokenizer = Load(root => root["pre_tokenizer"] = Split(pattern));
        foreach (string text in new[] { "Hello world, it's fine. ", "  ", "你好", "ABCD", "AbAbAb", "aé̀ñ한", "1234", "\n\n \n", "'ll're", "!*", "\t x", "ǅǆʰ" })
            tokenizer.Encode(string.Concat(Enumerable.Repeat(string.Concat(Enumerable.Repeat(text, 4_000 / text.Length)) + "a\n", 100)));
    }

    [Fact]
    public void ALongTextCanBeCancelled()
    {
        Tokenizer tokenizer = Load(_ => { });
        string whole = string.Concat(Enumerable.Repeat(" a b, c", 4_000_000));
        using var cancellation = new CancellationTokenSource(TimeSpan.FromMilliseconds(100));
        Assert.Throws<OperationCanceledException>(() => tokenizer.Encode(whole, cancellation.Token));
    }

    [Fact]
    public void ManyWordsAddedToAVocabularyAreNoFault()
    {
        int next = Fixtures.Base("gpt2")["model"]!["vocab"]!.AsObject().Count;
        Tokenizer tokenizer = Load(root => root["added_tokens"] = Added(6000, i => (next + i, $"<unused{i}>", true)));
        Assert.Equal(Enumerable.Range(next, 6000), tokenizer.Encode(string.Concat(Enumerable.Range(0, 6000).Select(i => $"<unused{i}>"))));
    }

    [Theory]
    [InlineData(4000, 900)]
    [InlineData(1, 3_000_000)]
    public void AddedTokensDoNotGrowBeforeTheyAreRefused(int count, int length)
    {
        int next = Fixtures.Base("gpt2")["model"]!["vocab"]!.AsObject().Count;
        JsonObject root = Fixtures.Base("gpt2");
        root["normalizer"] = JsonNode.Parse($$$"""{"type":"Replace","pattern":{"String":"a"},"content":"{{{new string('b', 60)}}}"}""");
        root["added_tokens"] = Added(count, i => (next + i, new string('a', length) + i, false));
        string path = folder.Write("tokenizer.json", root.ToJsonString());
        long before = GC.GetAllocatedBytesForCurrentThread();
        InputException exception = Assert.Throws<InputException>(() => TokenizerLoader.FromJson(path));
        Assert.Contains("the added token", exception.Message, StringComparison.Ordinal);
        Assert.True(exception.Message.Length < 1000);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 64 << 20);
    }

    [Fact]
    public void TextWrittenBetweenAddedTokensCountsTogether()
    {
        Tokenizer tokenizer = Load(root =>
        {
            string spaces = new(' ', 64);
            string growAndShrink = $$$"""{"type":"Prepend","prepend":"{{{spaces}}}"},{"type":"Replace","pattern":{"String":"{{{spaces}}}"},"content":" "}""";
            root["normalizer"] = JsonNode.Parse($$$"""{"type":"Sequence","normalizers":[{{{string.Join(',', Enumerable.Repeat(growAndShrink, 5))}}}]}""");
            root["added_tokens"] = new JsonArray(new JsonObject { ["id"] = (int)root["model"]!["vocab"]!["c"]!, ["content"] = "c", ["normalized"] = false });
        });
        Assert.NotEmpty(tokenizer.Encode("cacaca"));
        InputException exception = Stopped(tokenizer, string.Concat(Enumerable.Repeat("ca", 400_000)));
        Assert.Contains("tokenizer.json: the steps of the tokenizer write more than", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ALongTextDoesNotGrowAsAShortOneMay()
    {
        Tokenizer tokenizer = Load(root => root["normalizer"] =
            JsonNode.Parse($$$"""{"type":"Sequence","normalizers":[{{{Replace("a")}}},{{{Replace("b")}}}]}"""));
        Assert.NotEmpty(tokenizer.Encode("a short text"));
        Assert.Contains("write more than", Stopped(tokenizer, new string('a', 900_000)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void NeitherTokensNorWhatTheyDecodeToAreWithoutLimit()
    {
        InputException exception = Assert.Throws<InputException>(() => LoadWithToken(100_000));
        Assert.Contains("is a token of 100000 characters; at most 4096", exception.Message, StringComparison.Ordinal);
        Assert.True(exception.Message.Length < 1000);
        Tokenizer tokenizer = LoadWithToken(4096);
        exception = Assert.Throws<InputException>(() => tokenizer.Decode([.. Enumerable.Repeat(7777, 1_000_000)]));
        Assert.Contains("tokenizer.json: the text of these 1000000 tokens has more than", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void ValuesAndMergesAreCounted()
    {
        string ones = string.Join(',', Enumerable.Repeat('1', 17_000_000));
        string path = folder.Write("tokenizer.json", $$$"""{"model":{"type":"BPE","vocab":{"a":0},"merges":[{{{ones}}}]}}""");
        Assert.Equal($"{path}: has more than 16777216 values; a usable file has far fewer.", Assert.Throws<InputException>(() => TokenizerLoader.FromJson(path)).Message);
        File.Delete(path);
        folder.Write("vocab.json", """{"a":0,"aa":1}""");
        string merges = folder.Write("merges.txt", string.Concat(Enumerable.Repeat("a a\n", 4_200_000)));
        Assert.Contains($"{merges}: line 4194305: more than 4194304 merges", Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.json")]
    [InlineData("vocab.json")]
    [InlineData("merges.txt")]
    [InlineData("special_tokens_map.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("added_tokens.json")]
    public void AFolderOrABrokenLinkIsNotAnAbsentFile(string name)
    {
        folder.Write("vocab.json", """{"a":0,"aa":1}""");
        folder.Write("merges.txt", "a a\n");
        string path = Path.Combine(folder.Path, name);
        File.Delete(path);
        Directory.CreateDirectory(path);
        Assert.Equal($"{path}: is a directory; a regular file is needed", Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path)).Message);
        Directory.Delete(path);
        File.CreateSymbolicLink(path, "../blobs/none");
        Assert.Equal($"{path}: is a link to '../blobs/none', which is not there; download the file anew", Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path)).Message);
    }

    [Fact]
    public void ATokenIsShownWithTheSpaceThatItStandsFor()
    {
        Tokenizer sentencePiece = TokenizerLoader.FromJson(Fixtures.Path("sentencePiece.json"));
        int[] ids = sentencePiece.Encode("a a");
        Assert.Equal("a a", sentencePiece.Decode(ids));
        Assert.Equal(" a a", string.Concat(ids.Select(sentencePiece.TokenText)));
        Tokenizer gpt2 = TokenizerLoader.FromJson(Fixtures.Path("gpt2.json"));
        Assert.Equal("a a", string.Concat(gpt2.Encode("a a").Select(gpt2.TokenText)));
        Tokenizer plain = TokenizerLoader.FromJson(folder.Write("tokenizer.json", """{"model":{"type":"BPE","vocab":{"a":0},"merges":[]}}"""));
        Assert.Equal("a", plain.TokenText(0));
    }

    private Tokenizer Load(Action<JsonObject> change)
    {
        JsonObject root = Fixtures.Base("gpt2");
        change(root);
        return TokenizerLoader.FromJson(folder.Write("tokenizer.json", root.ToJsonString()));
    }

    private static string Replace(string what) => $$$"""{"type":"Replace","pattern":{"String":"{{{what}}}"},"content":"{{{new string('b', 60)}}}"}""";

    private Tokenizer LoadWithToken(int length) => Load(root =>
    {
        root["added_tokens"] = null;
        root["model"]!["vocab"]![new string('x', length)] = 7777;
    });

    private static JsonObject Split(string pattern) =>
        new() { ["type"] = "Split", ["pattern"] = new JsonObject { ["Regex"] = pattern }, ["behavior"] = "Isolated" };

    private static JsonArray Added(int count, Func<int, (int Id, string Content, bool Special)> token) => new(Enumerable.Range(0, count).Select(token).Select(added =>
        (JsonNode)new JsonObject { ["id"] = added.Id, ["content"] = added.Content, ["special"] = added.Special, ["normalized"] = !added.Special }).ToArray());

    private InputException Stopped(Tokenizer tokenizer, string text)
    {
        var clock = new WorkClock();
        InputException exception = Assert.Throws<InputException>(() => tokenizer.Encode(text));
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"took {clock.Elapsed}");
        Assert.StartsWith(folder.Path, exception.Message, StringComparison.Ordinal);
        return exception;
    }
}
