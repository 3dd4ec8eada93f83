using System.Text.Json.Nodes;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>Unusable files are refused in one line that names the file and the place.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public void Dispose() => folder.Dispose();

    [Theory]
    [InlineData("normalizer", """{"type":"Precompiled","precompiled_charsmap":""}""", "normalizer: normalizer type 'Precompiled' is not supported")]
    [InlineData("normalizer", """{"type":"Sequence","normalizers":[{"type":"NFC"},{"type":"Nmt"}]}""", "normalizer.normalizers[1]: normalizer type 'Nmt'")]
    [InlineData("normalizer", """{"type":"Prepend"}""", "normalizer: 'prepend' is missing")]
    [InlineData("normalizer", """{"type":"NFKC"}""", "normalizer: normalizer type 'NFKC' is not supported")]
    [InlineData("normalizer", """{"type":"Lowercase"}""", "normalizer: normalizer type 'Lowercase' is not supported")]
    [InlineData("normalizer", """{"type":"Replace","pattern":{"String":"a"},"content":""}""", "normalizer: an empty 'content'")]
    [InlineData("pre_tokenizer", """{"type":"Whitespace"}""", "pre_tokenizer: pre-tokenizer type 'Whitespace'")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":" ?[^(\\s|[.,!?…。，、।۔،])]+"},"behavior":"Isolated"}""", "pre_tokenizer.pattern: the pattern cannot be used")]
    [InlineData("added_tokens", """[{"id":1,"content":"x","single_word":true}]""", "added_tokens[0]: single_word is not supported")]
    [InlineData("pre_tokenizer", """{"type":"UnicodeScripts"}""", "pre_tokenizer: pre-tokenizer type 'UnicodeScripts'")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"(?>a)"},"behavior":"Isolated"}""", "pre_tokenizer.pattern: the pattern cannot be used: only the constructs")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":{"Regex":"a"},"behavior":"Sideways"}""", "pre_tokenizer.behavior: 'Sideways' is not one of")]
    [InlineData("pre_tokenizer", """{"type":"Split","pattern":"a","behavior":"Isolated"}""", "pre_tokenizer.pattern: expected an object")]
    [InlineData("pre_tokenizer", """{"type":"Metaspace","replacement":"▁▁"}""", "pre_tokenizer.replacement: expected one character")]
    [InlineData("pre_tokenizer", """{"type":"ByteLevel","add_prefix_space":1}""", "pre_tokenizer.add_prefix_space: expected true or false")]
    [InlineData("pre_tokenizer", "[]", "pre_tokenizer: expected an object")]
    [InlineData("decoder", """{"type":"WordPiece","prefix":"##","cleanup":true}""", "decoder: decoder type 'WordPiece'")]
    [InlineData("decoder", """{"type":"Strip","content":" ","start":-1,"stop":0}""", "decoder.start: expected a whole number")]
    [InlineData("post_processor", """{"type":"Mystery"}""", "post_processor: post-processor type 'Mystery'")]
    [InlineData("post_processor", """{"type":"TemplateProcessing","single":[{"SpecialToken":{"id":"<s>"}}],"special_tokens":{}}""", "'<s>' is missing")]
    [InlineData("added_tokens", """[{"id":-1,"content":"x"}]""", "added_tokens[0].id: expected a whole number")]
    [InlineData("added_tokens", """[{"id":3,"content":"<new>"}]""", "added_tokens[0].id: '<new>' has id 3; ")]
    [InlineData("added_tokens", """[{"id":1,"content":"!"}]""", "added_tokens[0].id: '!' has id 1; 33 would agree")]
    [InlineData("added_tokens", """[{"id":1}]""", "added_tokens[0]: 'content' is missing")]
    public void AnUnusablePartIsNamed(string part, string content, string expected) =>
        Refused(root => root[part] = JsonNode.Parse(content), expected);

    [Theory]
    [InlineData("type", "\"Unigram\"", "model: model type 'Unigram' is not supported; BPE is")]
    [InlineData("vocab", """{"a":0,"b":0}""", "model.vocab.b: id 0 belongs to 'a' already")]
    [InlineData("vocab", """{"a":-1}""", "model.vocab.a: expected a whole number")]
    [InlineData("vocab", """{"a":99999999}""", "model.vocab.a: expected a whole number")]
    [InlineData("vocab", """{"a":1.5}""", "model.vocab.a: expected a whole number")]
    [InlineData("vocab", "{}", "model.vocab: expected at least one token")]
    [InlineData("vocab", "[]", "model.vocab: expected an object")]
    [InlineData("merges", """["a zzz"]""", "model.merges[0]: 'zzz' is not in the vocabulary")]
    [InlineData("merges", """["a b c"]""", "model.merges[0]: expected two tokens")]
    [InlineData("merges", """[["a"]]""", "model.merges[0]: expected two tokens")]
    [InlineData("merges", "[7]", "model.merges[0]: expected a string")]
    [InlineData("merges", "null", "model: 'merges' is missing")]
    [InlineData("dropout", "0.1", "model.dropout: dropout makes tokens random")]
    [InlineData("unk_token", "7", "model.unk_token: expected a string")]
    [InlineData("merges", """[["a b", "c"]]""", "model.merges[0]: 'a b' has a space in it")]
    [InlineData("byte_fallback", "true", "model: byte_fallback needs the tokens <0x00> to <0xFF>")]
    [InlineData("end_of_word_suffix", "\"</w>\"", "model.end_of_word_suffix: '</w>' is not supported")]
    public void AnUnusableModelIsNamed(string option, string content, string expected) =>
        Refused(root => root["model"]![option] = JsonNode.Parse(content), expected);

    [Theory]
    [InlineData("")]
    [InlineData("{")]
    [InlineData("[]")]
    [InlineData("7")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0,\"a\":1}}}")]
    [InlineData("{\"model\":{\"vocab\":{\"\\ud800\":0},\"merges\":[]}}")]
    [InlineData("{\"model\":{\"vocab\":{\"a\":0},\"merges\":[\"\\udc00 a\"]}}")]
    public void BrokenJsonIsRefused(string content) => Refused(folder.Write("tokenizer.json", content), "");

    [Fact]
    public void DeepNestingIsRefused() =>
        Refused(folder.Write("tokenizer.json", string.Concat(Enumerable.Repeat("{\"a\":", 100_000))), "not valid JSON");

    [Fact]
    public void AMissingFileIsRefused() => Refused(Path.Combine(folder.Path, "none.json"), "not found");

    [Fact]
    public void GrowthWithoutBoundIsStopped()
    {
        JsonObject root = Fixtures.Base("gpt2");
        var steps = new JsonArray();
        for (int i = 0; i < 20; i++)
            steps.Add(JsonNode.Parse("""{"type":"Replace","pattern":{"String":"a"},"content":"aaaaaaaa"}"""));
        root["normalizer"] = new JsonObject { ["type"] = "Sequence", ["normalizers"] = steps };
        Tokenizer tokenizer = TokenizerLoader.FromJson(folder.Write("tokenizer.json", root.ToJsonString()));
        InputException exception = Assert.Throws<InputException>(() => tokenizer.Encode("a"));
        Assert.Contains("tokenizer.json: the steps of the tokenizer write more than", exception.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void TooManyPartsAreRefused()
    {
        string steps = string.Join(',', Enumerable.Repeat("""{"type":"NFC"}""", 100));
        Refused(root => root["normalizer"] = JsonNode.Parse($$"""{"type":"Sequence","normalizers":[{{steps}}]}"""), "more than 24");
    }

    private void Refused(Action<JsonObject> change, string expected)
    {
        JsonObject root = Fixtures.Base("gpt2");
        change(root);
        Refused(folder.Write("tokenizer.json", root.ToJsonString()), expected);
    }

    private static void Refused(string path, string expected)
    {
        InputException exception = Assert.Throws<InputException>(() => TokenizerLoader.FromJson(path));
        Assert.StartsWith(path, exception.Message, StringComparison.Ordinal);
        Assert.Contains(expected, exception.Message, StringComparison.Ordinal);
        Assert.DoesNotContain('\n', exception.Message);
    }
}
