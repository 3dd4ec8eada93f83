using System.Text.Json.Nodes;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>Tokenizers whose files ask for much work or memory, leave things out, or cannot be used at all.</summary>
public sealed class TrustTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("continuing_subword_prefix")]
    [InlineData("end_of_word_suffix")]
    public void WhatIsWrittenBesideEveryCharacterIsShort(string option)
    {
        Change(root => root["model"]![option] = new string('#', 100_000));
        Assert.Contains($"model.{option}: ", Refusal());
        Assert.True(Refusal().Length < 1000);
    }

    [Fact]
    public void AddedTokensThatBeginAlikeAreNotLookedForWithoutEnd()
    {
        var next = Change(root => { }).Count;
        Change(root => ((JsonArray)root["added_tokens"]!).Add(JsonNode.Parse($$"""{"id": {{next}}, "content": "{{new string('a', 255)}}b", "special": true}""")));
        var tokenizer = TokenizerLoader.TryLoad(folder.Path)!;
        var clock = new WorkClock();
        Assert.Contains("added tokens begin so much alike", Assert.Throws<InputException>(() => tokenizer.Encode(new string('a', 2_000_000))).Message);
        Assert.True(clock.Elapsed.TotalSeconds < 10, $"{clock.Elapsed}");
        Assert.NotEmpty(tokenizer.Encode(new string('a', 5000)));
        Change(root => ((JsonArray)root["added_tokens"]!).Add(JsonNode.Parse($$"""{"id": {{next}}, "content": "{{new string('a', 3000)}}", "special": true}""")));
        Assert.Contains("3000 characters long", Refusal());
    }

    [Fact]
    public void StepsAreCounted()
    {
        const string split = """{"type":"Split","pattern":{"Regex":"[^a]+"},"behavior":"Isolated"}""";
        Change(root => root["pre_tokenizer"] = JsonNode.Parse($$"""{"type":"Sequence","pretokenizers":[{{string.Join(',', Enumerable.Repeat(split, 60))}}]}"""));
        Assert.Contains("more than 24 normalizers, pre-tokenizers and decoders", Refusal());
    }

    [Fact]
    public void TheEndOfTextIsOneTokenWhereNoFileSaysSo()
    {
        Gpt2Directory();
        var tokenizer = TokenizerLoader.TryLoad(folder.Path)!;
        Assert.Single(tokenizer.Encode("<|endoftext|>"));
        Assert.Equal(1, tokenizer.Encode("a<|endoftext|>b").Count(id => id == tokenizer.Encode("<|endoftext|>")[0]));
    }

    [Fact]
    public void ABeginTokenOfNullIsNone()
    {
        Gpt2Directory();
        folder.Write("config.json", """{"bos_token_id": 5}""");
        Assert.Equal(5, TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        folder.Write("tokenizer_config.json", """{"tokenizer_class": "Qwen2Tokenizer", "add_bos_token": false, "bos_token": null}""");
        Assert.Null(TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
        // GPT-2 as transformers saves it: the reference library puts its token first all the same.
        folder.Write("tokenizer_config.json", """{"add_bos_token": false, "bos_token": "<|endoftext|>"}""");
        Assert.Equal(TokenizerLoader.TryLoad(folder.Path)!.Encode("<|endoftext|>")[0], TokenizerLoader.TryLoad(folder.Path)!.BeginToken);
    }

    [Fact]
    public void IdsNeedNoTokenizer()
    {
        var broken = new UnreadableTokenizer(new InputException("tokenizer.json: model type 'Unigram' is not supported; BPE is."));
        PromptSet Load(string line) => PromptSet.Load(folder.Write("d.jsonl", line), broken, Config);
        Assert.Single(Load("""{"clean": [1, 2], "corrupted": [1, 3], "answers": [4], "distractors": [5]}"""));
        Assert.Contains("'Unigram' is not supported", Assert.Throws<InputException>(() => Load("""{"clean": "a", "corrupted": [1, 3], "answers": [4], "distractors": [5]}""")).Message);
        Assert.Contains("'Unigram' is not supported", Assert.Throws<InputException>(() => Load("""{"clean": [1, 2], "corrupted": [1, 3], "answers": ["a"], "distractors": [5]}""")).Message);
    }

    [Fact]
    public void AnAnswerAfterASpaceIsReadAsItFollowsAWord()
    {
        // SentencePiece in small: every text gets a space in front.
        folder.Write("tokenizer.json", """
            {"added_tokens": [], "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
             "pre_tokenizer": null,
             "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
             "model": {"type": "BPE", "vocab": {"▁": 0, "t": 1, "h": 2, "e": 3, "a": 4, "▁a": 5, "th": 6, "the": 7, "▁the": 8}, "merges": ["▁ a", "t h", "th e", "▁ the"]}}
            """);
        var tokenizer = TokenizerLoader.TryLoad(folder.Path)!;
        Assert.Equal([0, 8], tokenizer.Encode(" the"));
        var set = PromptSet.Load(folder.Write("d.jsonl", """{"clean": "a", "corrupted": "the", "answers": [" the", "the"], "distractors": ["a"]}"""), tokenizer, Config);
        Assert.Equal([8, 8], set[0].Answers);
        // A word that is never first has no token with a space: alone it would be two.
        Assert.Equal([0, 3], tokenizer.Encode("e"));
        Assert.Equal([3], PromptSet.Load(folder.Write("d.jsonl", """{"clean": "a", "corrupted": "the", "answers": ["e"], "distractors": ["a"]}"""), tokenizer, Config)[0].Answers);
        Assert.Contains("must be exactly one", Assert.Throws<InputException>(() =>
            PromptSet.Load(folder.Write("d.jsonl", """{"clean": "a", "corrupted": "the", "answers": [" het"], "distractors": ["a"]}"""), tokenizer, Config)).Message);
    }

    private static ModelConfig Config
    {
        get
        {
            using var weights = RandomWeights.Create("stories260k");
            return weights.Config with { Vocabulary = 10 };
        }
    }

    private Tokenizer Change(Action<JsonNode> change)
    {
        var root = JsonNode.Parse(File.ReadAllText(Fixtures.Path("gpt2.json")))!;
        change(root);
        folder.Write("tokenizer.json", root.ToJsonString());
        return TokenizerLoader.FromJson(Fixtures.Path("gpt2.json"));
    }

    private string Refusal() => Assert.Throws<InputException>(() => TokenizerLoader.TryLoad(folder.Path)).Message;

    private void Gpt2Directory()
    {
        var root = JsonNode.Parse(File.ReadAllText(Fixtures.Path("gpt2.json")))!;
        var vocabulary = root["model"]!["vocab"]!.AsObject();
        vocabulary["<|endoftext|>"] = vocabulary.Count;
        folder.Write("vocab.json", vocabulary.ToJsonString());
        folder.Write("merges.txt", string.Join('\n', root["model"]!["merges"]!.AsArray().Select(m => m is JsonArray pair ? $"{pair[0]} {pair[1]}" : m!.GetValue<string>())));
    }
}
