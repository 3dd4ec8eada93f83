using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>The regular expressions of tokenizer files.</summary>
public sealed class PatternTests
{
    [Theory]
    [InlineData("a|ab", "abab", "a a")]
    [InlineData("ab|a", "abaa", "ab a a")]
    [InlineData("a+?b?", "aab", "a ab")]
    [InlineData("a{2,3}", "aaaaaa a", "aaa aaa")]
    [InlineData("(a)(?:b)c", "abcab", "abc")]
    [InlineData("[^a-c]+", "abxyc", "xy")]
    [InlineData("[a-]+", "a-b", "a-")]
    [InlineData(@"\P{L}+", "ab12", "12")]
    [InlineData(@"\p{Lu}", "aB\U00010400", "B \U00010400")]
    [InlineData(@"\p{L}+", "\U0001D49C\U00010428x😀", "\U0001D49C\U00010428x")]
    [InlineData("(?i:'s)", "'s 'S 'ſ", "'s 'S 'ſ")]
    [InlineData(@"\p{N}+", "\U0001D7D7.\U0001D7D7\U0001D7D8", "\U0001D7D7 \U0001D7D7\U0001D7D8")]
    [InlineData(@"\s*[\r\n]+|\s+(?!\S)|\s+", "a  \n b", "  \n  ")]
    [InlineData("[一-龥]+", "a一\U00020BB7b", "一")]
    [InlineData("a++b", "aab", "aab")]
    [InlineData("a++a", "aaa", "")]
    [InlineData("b(?!c)", "bcb", "b")]
    [InlineData("(?<!a)b", "abb", "b")]
    public void MatchesAsOniguruma(string pattern, string text, string expected)
    {
        IEnumerable<string> matches = new SplitPattern(pattern).Matches(text, new EncodingBudget(text.Length)).Select(match => text[match.Start..match.End]);
        Assert.Equal(expected, string.Join(' ', matches));
    }

    [Theory]
    [InlineData("(")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("[]a]")]
    [InlineData("[z-a]")]
    [InlineData("[[:alpha:]]")]
    [InlineData("[a-d&&[^b]]+")]
    [InlineData("*a")]
    [InlineData("a{3,2}")]
    [InlineData("a{2}?")]
    [InlineData("a{,2}")]
    [InlineData("a{99999999999}")]
    [InlineData(@"\1")]
    [InlineData(@"\w")]
    [InlineData(@"\b")]
    [InlineData(@"\h")]
    [InlineData(@"\x41")]
    [InlineData(@"\X")]
    [InlineData(@"\pL")]
    [InlineData(@"\p{L")]
    [InlineData(@"\p{Klingon}")]
    [InlineData(@"\p{^L}")]
    [InlineData("\\")]
    [InlineData("^a")]
    [InlineData("a$")]
    [InlineData("(?>a)")]
    [InlineData("(?<n>a)")]
    [InlineData("(?x)a")]
    [InlineData("(?i)a")]
    [InlineData("(?i:ß)")]
    [InlineData("(?i:[à-ü])")]
    [InlineData("\U0001D7D7")]
    public void RefusesWhatItDoesNotKnow(string pattern) => Assert.Throws<FormatException>(() => new SplitPattern(pattern));

    [Fact]
    public void LengthAndNestingAreBounded()
    {
        Assert.Throws<FormatException>(() => new SplitPattern(new string('a', 100_000)));
        Assert.Throws<FormatException>(() => new SplitPattern(new string('[', 2000) + "a" + new string(']', 2000)));
        Assert.NotNull(new SplitPattern(new string('(', 1000) + "a" + new string(')', 1000)));
    }

    /// <summary>Patterns that go back and forth end, or are stopped.</summary>
    [Theory]
    [InlineData("(?:a|aa)+x|b")]
    [InlineData("(?:a+)+b")]
    [InlineData("(?:a|a)+b|a*c")]
    [InlineData("a*a*a*a*b")]
    [InlineData("a(?=(?:aa)*b)")]
    [InlineData("(?:a?){50}a{50}b")]
    [InlineData("(?:(?:(?:a{0,1000}){1000}){1000}){1000}b")]
    public void NoPatternIsSlow(string pattern)
    {
        string text = new string('a', 20_000) + "c";
        var clock = new WorkClock();
        try
        {
            _ = new SplitPattern(pattern).Matches(text, new EncodingBudget(text.Length)).Count();
        }
        catch (InputException exception)
        {
            Assert.Contains("back and forth", exception.Message, StringComparison.Ordinal);
        }
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(40), $"took {clock.Elapsed}");
    }

    [Fact]
    public void TimeIsCountedOverAllMatches()
    {
        // Each word alone is stopped by no limit of a match.
        string text = string.Concat(Enumerable.Repeat(new string('a', 30) + " ", 3000));
        var clock = new WorkClock();
        Assert.Throws<InputException>(() => new SplitPattern("(?:a|aa)+b| ").Matches(text, new EncodingBudget(text.Length)).Count());
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(60), $"took {clock.Elapsed}");
    }
}
