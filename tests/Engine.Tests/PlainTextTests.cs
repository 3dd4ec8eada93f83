using System.Globalization;
using System.Text;
using Xunit;

namespace Faith.Engine.Tests;

/// <summary>Text from outside stays on its line and shows all of its characters.</summary>
public sealed class PlainTextTests
{
    [Theory]
    [InlineData("plain – é 猫 🐈 \\n", "plain – é 猫 🐈 \\n")]
    [InlineData("a\nb\r\nc\td", "a\\nb\\r\\nc\\td")]
    [InlineData("\u001b[31m\u0007\0\u007f\u009b", "\\u001b[31m\\u0007\\u0000\\u007f\\u009b")]
    [InlineData("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c", "\\u202a\\u202b\\u202c\\u202d\\u202e\\u2066\\u2067\\u2068\\u2069\\u200e\\u200f\\u061c")]
    [InlineData("a\u2028b\u2029c\u0085d", "a\\u2028b\\u2029c\\u0085d")]
    [InlineData("a\ufeffb\u200bc\u2060d\u00ade", "a\\ufeffb\\u200bc\\u2060d\\u00ade")]
    [InlineData("\U000e0041", "\\u{e0041}")]
    public void ALineShowsWhatIsHidden(string text, string line)
    {
        Assert.Equal(line, PlainText.Line(text));
        Assert.Equal(line, PlainText.Line(line));
    }

    // Attributes cannot hold these.
    [Fact]
    public void HalvesOfPairsAreShown()
    {
        Assert.Equal("a\\ud83d", PlainText.Line("a\ud83d"));
        Assert.Equal("\\udc08🐈", PlainText.Line("\udc08\ud83d\udc08"));
    }

    [Fact]
    public void LinesKeepTheirBreaksOnly() => Assert.Equal("a\nb\n\tc\\rd\\u001be\\u2028", PlainText.Lines("a\nb\r\n\tc\rd\u001be\u2028"));

    [Fact]
    public void WhatIsLongIsCut()
    {
        Assert.Equal(new string('a', 60) + "…", PlainText.Short(new string('a', 61)));
        Assert.Equal(new string('a', 60), PlainText.Short(new string('a', 60)));
        Assert.Equal($"'{new string('a', 120)}…'", PlainText.Name(new string('a', 1_000_000)));
        Assert.Equal($"\"{new string('a', 59)}…\"", PlainText.Quote(new string('a', 59) + "🐈🐈"));
        Assert.Equal("\"a\\\"b\\\\c\\n\"", PlainText.Quote("a\"b\\c\n"));
    }

    [Fact]
    public void NoCharacterIsLeftHidden()
    {
        for (var value = 0; value <= 0x10ffff; value++)
        {
            var text = value is >= 0xd800 and <= 0xdfff ? ((char)value).ToString() : char.ConvertFromUtf32(value);
            foreach (var rune in PlainText.Line(text).EnumerateRunes())
            {
                Assert.False(Rune.GetUnicodeCategory(rune) is UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.LineSeparator
                    or UnicodeCategory.ParagraphSeparator or UnicodeCategory.Surrogate);
            }
        }
    }
}
