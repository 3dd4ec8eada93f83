using System.Diagnostics;
using Faith.Engine.Sweeps;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Sweeps;

/// <summary>One process has a cell, and a dead one has none.</summary>
public sealed class ClaimStoreTests : IDisposable
{
    private const string Cell = "0123456789abcdef";
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    private ClaimStore Store() => new(directory.File("claims"));

    // As another machine would have it: nobody here can tell whether it lives.
    private static ProcessIdentity Elsewhere => ProcessIdentity.Current with { Host = "elsewhere" };

    [Fact]
    public void Of_many_that_try_at_once_one_has_it()
    {
        for (var round = 0; round < 20; round++)
        {
            var taken = new Claim?[16];
            Parallel.For(0, taken.Length, i => taken[i] = Store().TryTake(Cell));
            var claim = Assert.Single(taken, c => c is not null)!;
            Assert.Null(Store().TryTake(Cell));
            Assert.False(Store().HolderOf(Cell)!.Value.IsAbandoned);
            claim.Dispose();
            Assert.Null(Store().HolderOf(Cell));
        }
        Assert.Empty(Directory.GetFileSystemEntries(directory.File("claims")));
    }

    [Fact]
    public void The_claim_of_a_dead_process_is_taken_over_by_one()
    {
        var dead = ProcessIdentity.Current with { Process = EndedProcess() };
        for (var round = 0; round < 20; round++)
        {
            Assert.NotNull(Store().TryTake(Cell, dead));
            Assert.True(Store().HolderOf(Cell)!.Value.IsAbandoned);
            var taken = new Claim?[16];
            Parallel.For(0, taken.Length, i => taken[i] = Store().TryTake(Cell));
            Assert.Single(taken, c => c is not null)!.Dispose();
        }
        Assert.Empty(Directory.GetFileSystemEntries(directory.File("claims")));
    }

    [Fact]
    public void A_process_that_has_the_number_of_a_dead_one_is_another()
    {
        Assert.NotNull(Store().TryTake(Cell, ProcessIdentity.Current with { Started = "1" }));
        using var claim = Store().TryTake(Cell);
        Assert.NotNull(claim);
    }

    [Fact]
    public void The_claim_of_another_machine_holds_until_it_is_not_refreshed_for_long()
    {
        using var held = Store().TryTake(Cell, Elsewhere);
        Assert.NotNull(held);
        Assert.Null(Store().TryTake(Cell));
        Assert.Equal("elsewhere", Store().HolderOf(Cell)!.Value.Process!.Value.Host);

        var beat = Directory.GetFiles(directory.File("claims"), "beat", SearchOption.AllDirectories).Single();
        File.SetLastWriteTimeUtc(beat, DateTime.UtcNow - TimeSpan.FromMinutes(4));
        Assert.Null(Store().TryTake(Cell));
        File.SetLastWriteTimeUtc(beat, DateTime.UtcNow - TimeSpan.FromMinutes(6));
        Assert.True(Store().HolderOf(Cell)!.Value.IsAbandoned);
        using var claim = Store().TryTake(Cell);
        Assert.NotNull(claim);
        // The first owner wakes up and gives back what is no longer its own: the new claim stays.
        held.Dispose();
        Assert.Equal(ProcessIdentity.Current, Store().HolderOf(Cell)!.Value.Process);
    }

    [Fact]
    public void A_claim_is_refreshed()
    {
        var store = new ClaimStore(directory.File("claims")) { Refresh = TimeSpan.FromMilliseconds(20) };
        using var claim = store.TryTake(Cell, Elsewhere);
        var beat = Directory.GetFiles(directory.File("claims"), "beat", SearchOption.AllDirectories).Single();
        File.SetLastWriteTimeUtc(beat, DateTime.UtcNow - TimeSpan.FromHours(1));
        for (var i = 0; i < 500 && store.HolderOf(Cell)!.Value.IsAbandoned; i++) Thread.Sleep(20);
        Assert.False(store.HolderOf(Cell)!.Value.IsAbandoned);
    }

    [Fact]
    public void A_claim_that_tells_nothing_holds_for_a_while()
    {
        Directory.CreateDirectory(directory.File($"claims/{Cell}/1"));
        File.WriteAllText(directory.File($"claims/{Cell}/1/claim.json"), "{");
        Assert.Null(Store().TryTake(Cell));
        Directory.SetLastWriteTimeUtc(directory.File($"claims/{Cell}/1"), DateTime.UtcNow - TimeSpan.FromMinutes(6));
        using var claim = Store().TryTake(Cell);
        Assert.NotNull(claim);
    }

    [Fact]
    public void What_killed_processes_left_on_its_way_is_removed_after_a_while()
    {
        Directory.CreateDirectory(directory.File("claims/.new-1"));
        Directory.CreateDirectory(directory.File("claims/.old-2"));
        Store().RemoveLeftovers();
        Assert.Equal(2, Directory.GetDirectories(directory.File("claims")).Length);
        foreach (var left in Directory.GetDirectories(directory.File("claims"))) Directory.SetLastWriteTimeUtc(left, DateTime.UtcNow - TimeSpan.FromHours(2));
        Store().RemoveLeftovers();
        Assert.Empty(Directory.GetDirectories(directory.File("claims")));
    }

    private static int EndedProcess()
    {
        using var process = Process.Start("true");
        process.WaitForExit();
        return process.Id;
    }
}
