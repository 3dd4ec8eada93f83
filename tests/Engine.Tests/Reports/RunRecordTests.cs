using Faith.Engine.ScoreFiles;
using Xunit;

namespace Faith.Engine.Tests.Reports;

public sealed class RunRecordTests
{
    [Fact]
    public void RecordsDifferByTheirSettings()
    {
        var run = new RunRecord { Method = "eap", Steps = 5, Options = new SortedDictionary<string, string> { ["a"] = "1" } };
        Assert.Null(run.Difference(run with { Device = "gpu", Seconds = 3 }));
        Assert.Equal("steps 6, not 5", run.Difference(run with { Steps = 6 }));
        // What a file from elsewhere may hold: an option called like a setting, and a name that is no name.
        Assert.Equal("steps 5, 7, not 5", run.Difference(run with { Options = new SortedDictionary<string, string> { ["a"] = "1", ["steps"] = "7" } }));
        var name = "\u001b[2J" + new string('x', 10_000);
        Assert.Equal($"\\u001b[2J{new string('x', 15)}… 1, not none", run.Difference(run with { Options = new SortedDictionary<string, string> { ["a"] = "1", [name] = "1" } }));
    }
}
