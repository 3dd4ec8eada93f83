using System.Diagnostics;
using Faith.Engine.Tokenizers.Patterns;
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
    [InlineData("a{,2}b", "aaab", "aab")]
    [InlineData("x{0}a", "xa", "a")]
    [InlineData("a{2", "aa{2", "a{2")]
    [InlineData("(a)(?:b)c", "abcab", "abc")]
    [InlineData("[^a-c]+", "abxyc", "xy")]
    [InlineData("[a[bc]]+", "abcd", "abc")]
    [InlineData("[a-d&&[^b]]+", "abcd", "a cd")]
    [InlineData("[a-]+", "a-b", "a-")]
    [InlineData(@"\x{41}|\u0042|\x43", "ABCD", "A B C")]
    [InlineData(@"\p{^L}+", "ab12", "12")]
    [InlineData(@"\P{L}+", "ab12", "12")]
    [InlineData(@"\p{Lu}", "aB\U00010400", "B \U00010400")]
    [InlineData(@"\p{L}+", "\U0001D49C\U00010428x😀", "\U0001D49C\U00010428x")]
    [InlineData(@"\w+", "a½ 2²", "a½ 2²")]
    [InlineData(@"[\w]+", "a½ 2²", "a 2")]
    [InlineData("(?i:'s)", "'s 'S 'ſ", "'s 'S 'ſ")]
    [InlineData("a(?i)b|c", "aBaCC", "aB aC")]
    [InlineData("(?i:k)", "kK\u212A", "k K \u212A")]
    [InlineData("a++b", "aab", "aab")]
    [InlineData("a++a", "aaa", "")]
    [InlineData(@"\d{3}(?=(?:\d{3})*\b)", "1234567", "234 567")]
    [InlineData("b(?!c)", "bcb", "b")]
    [InlineData("(?<!a)b", "abb", "b")]
    [InlineData("^a|a$", "aa\naa", "a a a a")]
    [InlineData(@"\Aa|a\z", "aa", "a a")]
    [InlineData(@"\bfoo\b", "foo foox", "foo")]
    public void MatchesAsOniguruma(string pattern, string text, string expected)
    {
        IEnumerable<string> matches = RunePattern.Parse(pattern).Matches(text, new TokenizerWork(text.Length)).Select(match => text[match.Start..match.End]);
        Assert.Equal(expected, string.Join(' ', matches));
    }

    [Theory]
    [InlineData("(")]
    [InlineData("a)")]
    [InlineData("[a")]
    [InlineData("[]a]")]
    [InlineData("[z-a]")]
    [InlineData("[a-\\d]")]
    [InlineData("[[:alpha:]]")]
    [InlineData("*a")]
    [InlineData("a{3,2}")]
    [InlineData("a{2}?")]
    [InlineData("a{99999}")]
    [InlineData(@"\1")]
    [InlineData(@"\q")]
    [InlineData(@"\X")]
    [InlineData(@"\pL")]
    [InlineData(@"\p{L")]
    [InlineData(@"\p{Klingon}")]
    [InlineData(@"\x{FFFFFFFF}")]
    [InlineData(@"\uD800")]
    [InlineData("\\")]
    [InlineData("(?>a)")]
    [InlineData("(?<n>a)")]
    [InlineData("(?x)a")]
    [InlineData("(?<=ab)c")]
    [InlineData("(?:ab)++")]
    [InlineData("(?:a*)*")]
    [InlineData("(?i:ss)")]
    [InlineData("(?i:ß)")]
    [InlineData("(?i:[à-ü])")]
    [InlineData("(?:(?:(?:a{1000}){1000}){1000})")]
    [InlineData("(?:(?:(?:(?:a{0}){1000}){1000}){1000}){1000}")]
    public void RefusesWhatItDoesNotKnow(string pattern) => Assert.Throws<FormatException>(() => RunePattern.Parse(pattern));

    [Fact]
    public void NestingIsBounded()
    {
        Assert.Throws<FormatException>(() => RunePattern.Parse(new string('(', 2000) + new string(')', 2000)));
        Assert.Throws<FormatException>(() => RunePattern.Parse(new string('[', 2000) + "a" + new string(']', 2000)));
        Assert.Throws<FormatException>(() => RunePattern.Parse(new string('a', 100_000)));
    }

    [Theory]
    [InlineData("(?:a|aa)+$|b")]
    [InlineData("(?:a+)+b")]
    [InlineData("(?:a|a)+b|a*c")]
    [InlineData("a*a*a*a*b")]
    [InlineData("a++b")]
    [InlineData("(?=a*b)c|(?=a*$)x")]
    [InlineData("a(?=(?:aa)*b)")]
    [InlineData("a(?!(?:aa)*b)")]
    [InlineData("(?:a?){50}a{50}b")]
    public void NoPatternIsSlow(string pattern)
    {
        string text = new string('a', 20_000) + "c";
        var work = new TokenizerWork(text.Length);
        work.Allow(1 << 24); // The time is what it really takes, not what it takes to be stopped.
        var clock = Stopwatch.StartNew();
        _ = RunePattern.Parse(pattern).Matches(text, work).Count();
        Assert.True(clock.Elapsed < TimeSpan.FromSeconds(20), $"took {clock.Elapsed}");
    }
}
