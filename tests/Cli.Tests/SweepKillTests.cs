using System.Globalization;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Sweeps that are killed at any moment lose no finished cell and leave no torn file. FAITH_KILLS sets how many kills; a dozen unless set.</summary>
public sealed class SweepKillTests : SweepTest
{
    // From before the program has begun to after it has finished a few cells.
    private const int LongestWait = 1500, UsualKills = 12;

    [Fact]
    public void A_killed_sweep_loses_no_finished_cell_and_leaves_no_torn_file()
    {
        var whole = Plan(Study, "whole");
        Done("sweep", "run", whole);
        var expected = Files(Path.Combine(whole, "cells")).ToDictionary(f => f.Split(' ')[0], f => f);
        var kills = int.TryParse(Environment.GetEnvironmentVariable("FAITH_KILLS"), CultureInfo.InvariantCulture, out var asked) ? asked : UsualKills;
        var random = new Random(kills);
        var folder = Plan(Study, "killed");
        var (killed, finished) = (0, new HashSet<string>());
        for (var round = 0; killed < kills; round++)
        {
            Assert.True(round < 20 * kills, "the runs end before they can be killed");
            // Two at once now and then, of which one is killed.
            using var other = round % 3 == 2 ? StartProcess("sweep", "run", folder) : null;
            using var process = StartProcess("sweep", "run", folder, "--threads", "1");
            if (!process.WaitForExit(random.Next(LongestWait)))
            {
                process.Kill();
                killed++;
            }
            Wait(process);
            if (other is not null) Assert.Equal(0, Wait(other).Code);

            foreach (var done in finished) Assert.True(File.Exists(Path.Combine(folder, "cells", done, "record.json")), $"{done} was finished and is gone");
            var cells = Path.Combine(folder, "cells");
            var files = Directory.Exists(cells) ? Files(cells) : [];
            // Whole and right, or not there; what was on its way has a name of its own.
            Assert.All(files.Where(f => !f.Contains("/.faith-", StringComparison.Ordinal)), f => Assert.Equal(expected[f.Split(' ')[0]], f));
            finished = [.. files.Where(f => f.Contains("/record.json ", StringComparison.Ordinal)).Select(f => f.Split('/')[0])];
            if (finished.Count < expected.Count / 3) continue;
            // All done: from the start, in a folder that has been killed before.
            Directory.Delete(cells, recursive: true);
            finished = [];
        }
        Done("sweep", "run", folder);
        Assert.Equal(expected.Values.Order(StringComparer.Ordinal), Files(Path.Combine(folder, "cells")).Order(StringComparer.Ordinal));
        Assert.Equal(Merged(whole), Merged(folder));
    }
}
