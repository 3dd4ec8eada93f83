using System.Text;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>What holds for every text.</summary>
public sealed class EncodingTests
{
    public static TheoryData<string> ByteLevel => ["gpt2", "llama3"];

    public static TheoryData<string> All => ["gpt2", "llama3", "sentencePiece", "characters", "crossing"];

    [Theory]
    [MemberData(nameof(ByteLevel))]
    public void RandomTextComesBack(string name)
    {
        Tokenizer tokenizer = TokenizerLoader.FromJson(Fixtures.Path($"{name}.json"));
        var random = new Random(20240611);
        for (int i = 0; i < 3000; i++)
        {
            string text = RandomText(random);
            int[] ids = tokenizer.Encode(text);
            Assert.Equal(text, tokenizer.Decode(ids));
            Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.Count - 1));
        }
    }

    [Fact]
    public void RandomTextComesBackThroughByteFallback()
    {
        Tokenizer tokenizer = TokenizerLoader.FromJson(Fixtures.Path("sentencePiece.json"));
        var random = new Random(7);
        for (int i = 0; i < 1000; i++)
        {
            // The mark itself is a space by definition, and the text of a byte token reads as that byte.
            string text = RandomText(random).Replace('▁', '_').Replace('<', '(');
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text)));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void HalfASurrogatePairIsTheReplacementCharacter(string name)
    {
        Tokenizer tokenizer = TokenizerLoader.FromJson(Fixtures.Path($"{name}.json"));
        foreach (string text in new[] { "\uD83D", "\uDE00", "a\uD83Db", "\uDE00\uD83D", "x\uD83D\uD83D\uDE00", "'\uDC00s " })
        {
            string repaired = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            Assert.Equal(tokenizer.Encode(repaired), tokenizer.Encode(text));
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void AWordOfTwentyThousandCharactersIsTheLongest(string name)
    {
        Tokenizer tokenizer = TokenizerLoader.FromJson(Fixtures.Path($"{name}.json"));
        var random = new Random(3);
        string letters = string.Create(200_000, random, (span, source) =>
        {
            foreach (ref char letter in span)
                letter = "thewalkingno"[source.Next(12)];
        });
        foreach (string text in new[] { letters, new string('a', 200_000) })
        {
            var clock = new WorkClock();
            Assert.NotEmpty(tokenizer.Encode(text[..19_900]));
            InputException exception = Assert.Throws<InputException>(() => tokenizer.Encode(text));
            Assert.Contains("characters long; at most 20000 are supported", exception.Message, StringComparison.Ordinal);
            Assert.True(clock.Elapsed < TimeSpan.FromSeconds(30), $"{text.Length} × '{text[0]}' took {clock.Elapsed}");
        }
    }

    [Theory]
    [MemberData(nameof(All))]
    public void ADecodedTokenIsItsText(string name)
    {
        Tokenizer tokenizer = TokenizerLoader.FromJson(Fixtures.Path($"{name}.json"));
        for (int id = 0; id < tokenizer.Count; id++)
        {
            // Alone, a token of SentencePiece's kind loses the space it begins with.
            Assert.EndsWith(tokenizer.Decode([id]), tokenizer.TokenText(id), StringComparison.Ordinal);
            Assert.Equal(tokenizer.Decode([id]).TrimStart(' '), tokenizer.TokenText(id).TrimStart(' '));
        }
        Assert.Equal("", tokenizer.Decode([]));
        Assert.Equal("", tokenizer.Decode([-1, tokenizer.Count, int.MaxValue]));
    }

    internal static string RandomText(Random random)
    {
        var text = new StringBuilder();
        for (int i = random.Next(30); i > 0; i--)
        {
            int rune = random.Next(6) switch
            {
                0 => random.Next(0x20, 0x7F),
                1 => " \n\t\r'▁aeset1"[random.Next(12)],
                2 => random.Next(0x80, 0x800),
                3 => random.Next(0x800, 0xD800),
                4 => random.Next(0x10000, 0x20000),
                _ => random.Next(0xE000, 0x110000),
            };
            text.Append(char.ConvertFromUtf32(rune));
        }
        return text.ToString();
    }
}
