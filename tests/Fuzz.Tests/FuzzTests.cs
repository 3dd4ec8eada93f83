using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Fuzz.Tests;

/// <summary>Whatever a file or a command line holds, it is taken or refused in one line, in little time and memory.</summary>
public sealed class FuzzTests : IDisposable
{
    private static readonly FuzzOptions Options = FuzzOptions.FromEnvironment();

    // Names that a case makes up are of files in here.
    private readonly TemporaryDirectory directory = new();
    private readonly string previous = Directory.GetCurrentDirectory();

    public FuzzTests() => Directory.SetCurrentDirectory(directory.Path);

    public void Dispose()
    {
        Directory.SetCurrentDirectory(previous);
        directory.Dispose();
    }

    public static TheoryData<string> Targets => new(Options.Targets().Select(target => target.Name));

    [Theory]
    [MemberData(nameof(Targets))]
    public void Input_is_taken_or_refused(string name)
    {
        var target = FuzzTarget.All.Single(t => t.Name == name);
        new FuzzRun(target).Run(Options.CasesOf(target));
        Assert.Empty(Directory.GetFiles(directory.Path, ".faith-*", SearchOption.AllDirectories));
    }
}
