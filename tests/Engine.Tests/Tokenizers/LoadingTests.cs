using System.Text.Json.Nodes;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>Model directories: which files are read, and which token begins a text.</summary>
public sealed class LoadingTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Fact]
    public void WithoutTokenizerFilesThereIsNone()
    {
        Assert.Null(TokenizerLoader.TryLoad(folder.Path));
        folder.Write("vocab.json", """{"a":0}""");
        Assert.Null(TokenizerLoader.TryLoad(folder.Path));
        Assert.Null(TokenizerLoader.TryLoad(Path.Combine(folder.Path, "none")));
    }

    [Fact]
    public void VocabularyAndMergesGiveTheSameIds()
    {
        WriteGpt2();
        folder.Write("special_tokens_map.json", """{"bos_token":"<|endoftext|>","pad_token":{"content":"[PAD]"}}""");
        Tokenizer separate = TokenizerLoader.TryLoad(folder.Path)!;
        Tokenizer whole = TokenizerLoader.FromJson(Fixtures.Path("gpt2.json"));
        Assert.Equal(whole.Count, separate.Count);
        foreach (string text in Fixtures.Strings)
        {
            Assert.Equal(whole.Encode(text), separate.Encode(text));
            Assert.Equal(text, separate.Decode(separate.Encode(text)));
        }
        Assert.Equal(separate.Encode("<|endoftext|>").Single(), separate.BeginToken);
    }

    [Theory]
    [InlineData("added_tokens.json", """{"<|x|>":@}""")]
    [InlineData("tokenizer_config.json", """{"added_tokens_decoder":{"@":{"content":"<|x|>","special":true}}}""")]
    public void AddedTokensHaveTheirIds(string name, string content)
    {
        int next = WriteGpt2();
        folder.Write(name, content.Replace("@", $"{next}", StringComparison.Ordinal));
        Tokenizer tokenizer = TokenizerLoader.TryLoad(folder.Path)!;
        Assert.Equal([.. tokenizer.Encode("a"), next, .. tokenizer.Encode("b")], tokenizer.Encode("a<|x|>b"));
        Assert.Equal("<|x|>", tokenizer.TokenText(next));
    }

    [Theory]
    [InlineData("a\n", "merges.txt: line 2: expected two tokens")]
    [InlineData("a b c\n", "merges.txt: line 2: expected two tokens")]
    [InlineData("a zzzz\n", "merges.txt: line 2: 'zzzz' is not in the vocabulary")]
    public void UnusableMergesAreNamed(string line, string expected)
    {
        WriteGpt2();
        folder.Write("merges.txt", "#version: 0.2\n" + line);
        InputException exception = Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path));
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheBeginTokenComesFromTheTokenizerConfigFirst()
    {
        folder.Write("tokenizer.json", Fixtures.Base("sentencePiece").ToJsonString());
        Assert.Equal(1, TokenizerLoader.FromJson(Path.Combine(folder.Path, "tokenizer.json")).BeginToken);
        folder.Write("config.json", """{"bos_token_id":2}""");
        Assert.Equal(1, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("tokenizer_config.json", """{"bos_token":null}""");
        Assert.Equal(1, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("special_tokens_map.json", """{"bos_token":{"content":"</s>","lstrip":false}}""");
        Assert.Equal(2, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("tokenizer_config.json", """{"bos_token":"<unk>"}""");
        Assert.Equal(0, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("tokenizer_config.json", """{"bos_token":{"content":"</s>"}}""");
        Assert.Equal(2, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("tokenizer_config.json", """{"bos_token":"<none>"}""");
        InputException exception = Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path));
        Assert.StartsWith($"{Path.Combine(folder.Path, "tokenizer_config.json")}: bos_token: '<none>' is not a token", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TheBeginTokenComesFromTheConfigLast()
    {
        JsonObject root = Fixtures.Base("gpt2");
        int end = root["model"]!["vocab"]!.AsObject().Count;
        folder.Write("tokenizer.json", root.ToJsonString());
        Assert.Null(TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("config.json", $$"""{"bos_token_id":{{end}}}""");
        Assert.Equal(end, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("config.json", """{"bos_token_id":99999}""");
        Assert.Contains("--no-bos", Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Null(TokenizerLoader.TryLoad(folder.Path, BeginTokenUse.Omit)!.BeginToken);
        File.Delete(Path.Combine(folder.Path, "tokenizer.json"));
        WriteGpt2();
        Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path));
        Assert.Null(TokenizerLoader.TryLoad(folder.Path, BeginTokenUse.Omit)!.BeginToken);
    }

    [Fact]
    public void ATemplateThatEndsWithASpecialTokenHasNoBeginToken()
    {
        JsonObject root = Fixtures.Base("sentencePiece");
        JsonArray single = root["post_processor"]!["single"]!.AsArray();
        JsonNode first = single[0]!;
        single.RemoveAt(0);
        single.Add(first);
        Assert.Null(TokenizerLoader.FromJson(folder.Write("tokenizer.json", root.ToJsonString())).BeginToken);
    }

    // Writes the gpt2 fixture in the older layout; the id after its last is returned.
    private int WriteGpt2()
    {
        JsonNode model = Fixtures.Base("gpt2")["model"]!;
        JsonObject vocabulary = model["vocab"]!.DeepClone().AsObject();
        vocabulary["<|endoftext|>"] = vocabulary.Count;
        folder.Write("vocab.json", vocabulary.ToJsonString());
        folder.Write("merges.txt", "#version: 0.2\n" + string.Join('\n', model["merges"]!.AsArray().Select(merge => (string)merge!)) + "\n");
        return vocabulary.Count;
    }
}
