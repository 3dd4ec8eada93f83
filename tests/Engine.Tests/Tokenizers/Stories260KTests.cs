using System.Text.Json;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>The tokenizer of a real SentencePiece model.</summary>
public sealed class Stories260KTests
{
    [SharedDataFact("stories260K")]
    public void SamplesEncodeAndDecode()
    {
        string directory = SharedData.Find("stories260K")!;
        Tokenizer tokenizer = TokenizerLoader.TryLoad(directory)!;
        Assert.Equal(512, tokenizer.Count);
        Assert.Equal(1, tokenizer.BeginToken);
        using JsonDocument samples = JsonDocument.Parse(File.ReadAllText(Path.Combine(directory, "tokenizer-samples.json")));
        foreach (JsonProperty sample in samples.RootElement.EnumerateObject())
        {
            int[] expected = [.. sample.Value.EnumerateArray().Select(id => id.GetInt32())];
            int[] ids = tokenizer.Encode(sample.Name);
            Assert.Equal(expected, (IEnumerable<int>)[tokenizer.BeginToken!.Value, .. ids]);
            Assert.Equal(sample.Name, tokenizer.Decode(ids));
        }
        Assert.Equal("<s>", tokenizer.TokenText(1));
    }
}
