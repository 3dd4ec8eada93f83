using System.Globalization;
using System.Text.Json.Nodes;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>Ids and texts are those of the original library, case by case.</summary>
public sealed class OriginalTests : IDisposable
{
    private readonly TemporaryFolder folder = new();

    public static TheoryData<string> Names => [.. Fixtures.Variants.Keys];

    public void Dispose() => folder.Dispose();

    [Theory]
    [MemberData(nameof(Names))]
    public void EncodesAndDecodesAsTheOriginal(string name)
    {
        JsonObject variant = Fixtures.Variants[name];
        Tokenizer tokenizer = TokenizerLoader.FromJson(folder.Write("tokenizer.json", Fixtures.Build(variant).ToJsonString()));
        int index = (int)variant["first"]!;
        foreach (JsonNode? expected in variant["ids"]!.AsArray())
        {
            string text = Fixtures.Strings[index];
            int[] ids = [.. ((string)expected!).Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(id => int.Parse(id, CultureInfo.InvariantCulture))];
            Assert.Equal((text, string.Join(' ', ids)), (text, string.Join(' ', tokenizer.Encode(text))));
            string decoded = (string?)variant["texts"]![index.ToString(CultureInfo.InvariantCulture)] ?? text;
            Assert.Equal(decoded, tokenizer.Decode(ids));
            index += (int)variant["step"]!;
        }
    }
}
