using Xunit;

namespace Faith.Engine.Tests;

/// <summary>Names in any case, and what was meant by others.</summary>
public sealed class KnownNamesTests
{
    private static readonly string[] Methods = ["eap", "eap-ig", "clean-corrupted", "exact"];

    [Theory]
    [InlineData("eap-ig", "eap-ig")]
    [InlineData("EAP-IG", "eap-ig")]
    [InlineData("eapig", null)]
    [InlineData("", null)]
    public void CaseDoesNotMatter(string given, string? found) => Assert.Equal(found, KnownNames.Find(given, Methods));

    [Fact]
    public void NamesThatCaseAloneTellsApartAreTakenAsTheyStand()
    {
        Assert.Equal("A", KnownNames.Find("A", ["a", "A"]));
        Assert.Null(KnownNames.Find("aB", ["ab", "AB"]));
    }

    [Theory]
    [InlineData("eapig", "eap-ig")]
    [InlineData("eap-gi", "eap-ig")]
    [InlineData("EXCAT", "exact")]
    [InlineData("clean", "clean-corrupted")]
    [InlineData("--colour", null)]
    [InlineData("magic", null)]
    [InlineData("", null)]
    public void TheNearestIsSuggested(string given, string? meant) => Assert.Equal(meant is null ? "" : $"; did you mean {meant}?", KnownNames.Suggest(given, Methods));

    [Fact]
    public void NothingIsNearWhereNothingIsKnownOrTheNameIsEndless()
    {
        Assert.Equal("", KnownNames.Suggest("a", []));
        Assert.Equal("", KnownNames.Suggest(new string('a', 1_000_000), Methods));
    }
}
