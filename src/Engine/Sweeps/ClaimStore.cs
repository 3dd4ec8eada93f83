using System.Globalization;
using System.Text.Json;

namespace Faith.Engine.Sweeps;

/// <summary>
/// Claims of cells by processes that share a folder, on one machine or on several, without a server and without locks. A claim is a folder CELL/N that
/// holds its process and a file that is written again and again; it is made beside its place and takes it by one rename, which fails where somebody
/// was first. N counts: who takes over an abandoned claim N makes N + 1, so that of several that try one succeeds, and no claim is ever removed but by
/// its owner. Claims save work; that results are right does not rest on them, since two processes write the same bytes for a cell, each file by one rename.
/// </summary>
public sealed class ClaimStore
{
    private const string ProcessFile = "claim.json", BeatFile = "beat", NewPrefix = ".new-", OldPrefix = ".old-";
    private static readonly TimeSpan Leftover = TimeSpan.FromHours(1);

    private readonly string folder;

    /// <summary>Claims in a folder, which is made when the first is taken.</summary>
    public ClaimStore(string folder) => this.folder = folder;

    /// <summary>How often a claim is refreshed.</summary>
    public TimeSpan Refresh { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>A claim of another machine is abandoned when it was not refreshed for so long: many times <see cref="Refresh"/> and what a network file system may hold back.</summary>
    public TimeSpan AbandonedAfter { get; init; } = TimeSpan.FromMinutes(5);

    /// <summary>Takes a cell for this process; null where another one works on it.</summary>
    public Claim? TryTake(string cell) => TryTake(cell, ProcessIdentity.Current);

    /// <summary>The same in the name of any process, for tests.</summary>
    internal Claim? TryTake(string cell, ProcessIdentity process)
    {
        var ofCell = Path.Combine(folder, cell);
        const int tries = 3;
        for (var attempt = 0; attempt < tries; attempt++)
        {
            var last = Last(ofCell);
            if (last > 0 && !Read(PathOf(ofCell, last)).IsAbandoned) return null;
            var mine = PathOf(ofCell, last + 1);
            var made = Make(process);
            try
            {
                Directory.CreateDirectory(ofCell);
                Directory.Move(made, mine);
                return new(() => Beat(mine), () => Release(ofCell, last + 1), Refresh);
            }
            catch (DirectoryNotFoundException)
            {
                // Whoever had the cell has just removed its folder: once more.
                Remove(made);
            }
            catch (IOException)
            {
                // Somebody was first.
                Remove(made);
                return null;
            }
        }
        return null;
    }

    /// <summary>Who has a cell; null where nobody has.</summary>
    public ClaimHolder? HolderOf(string cell)
    {
        var ofCell = Path.Combine(folder, cell);
        return Last(ofCell) is > 0 and var last ? Read(PathOf(ofCell, last)) : null;
    }

    /// <summary>Removes what processes that were killed have left on its way.</summary>
    public void RemoveLeftovers()
    {
        if (!Directory.Exists(folder)) return;
        foreach (var left in Directory.EnumerateDirectories(folder, ".*"))
        {
            if (Path.GetFileName(left) is var name && (name.StartsWith(NewPrefix, StringComparison.Ordinal) || name.StartsWith(OldPrefix, StringComparison.Ordinal)) && AgeOf(left) > Leftover) Remove(left);
        }
    }

    private string Make(ProcessIdentity process)
    {
        var made = Path.Combine(folder, $"{NewPrefix}{Guid.NewGuid():N}");
        Directory.CreateDirectory(made);
        File.WriteAllBytes(Path.Combine(made, ProcessFile), JsonSerializer.SerializeToUtf8Bytes(process));
        Beat(made);
        return made;
    }

    private static void Beat(string claim)
    {
        try
        {
            // Written, not touched: the time is then the file server's.
            File.WriteAllText(Path.Combine(claim, BeatFile), ".");
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Given back, or the file system is away for a moment: the next refresh tries again.
        }
    }

    private void Release(string ofCell, int number)
    {
        try
        {
            for (var n = 1; n <= number; n++)
            {
                if (!Directory.Exists(PathOf(ofCell, n))) continue;
                // By a rename, so that nobody finds half a claim.
                var old = Path.Combine(folder, $"{OldPrefix}{Guid.NewGuid():N}");
                Directory.Move(PathOf(ofCell, n), old);
                Remove(old);
            }
            Directory.Delete(ofCell);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Taken over meanwhile. What is left is a claim of a process that ends, which stops nobody.
        }
    }

    private ClaimHolder Read(string claim)
    {
        ProcessIdentity? process = null;
        try
        {
            process = JsonSerializer.Deserialize<ProcessIdentity>(File.ReadAllBytes(Path.Combine(claim, ProcessFile)));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or JsonException)
        {
            // On its way out, or not ours: only its age tells.
        }
        if (process is { IsHere: true } here) return new(here, TimeSpan.Zero, here.HasEnded);
        var beat = Path.Combine(claim, BeatFile);
        var age = AgeOf(File.Exists(beat) ? beat : claim);
        return new(process, age, age > AbandonedAfter);
    }

    // By the clock that the file system stamps files with: those of several machines differ.
    private TimeSpan AgeOf(string path)
    {
        var probe = Path.Combine(folder, $"{NewPrefix}{Guid.NewGuid():N}.now");
        try
        {
            var stamped = Directory.Exists(path) ? Directory.GetLastWriteTimeUtc(path) : File.Exists(path) ? File.GetLastWriteTimeUtc(path) : (DateTime?)null;
            if (stamped is null) return TimeSpan.Zero;
            File.WriteAllText(probe, ".");
            var now = File.GetLastWriteTimeUtc(probe);
            File.Delete(probe);
            return now - stamped.Value;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return TimeSpan.Zero;
        }
    }

    private static int Last(string ofCell) => !Directory.Exists(ofCell) ? 0 : Numbers(ofCell).DefaultIfEmpty(0).Max();

    private static IEnumerable<int> Numbers(string ofCell)
    {
        string[] names;
        try
        {
            names = Directory.GetDirectories(ofCell);
        }
        catch (DirectoryNotFoundException)
        {
            yield break;
        }
        foreach (var name in names)
        {
            if (int.TryParse(Path.GetFileName(name), NumberStyles.None, CultureInfo.InvariantCulture, out var number)) yield return number;
        }
    }

    private static string PathOf(string ofCell, int number) => Path.Combine(ofCell, number.ToString(CultureInfo.InvariantCulture));

    private static void Remove(string claim)
    {
        try
        {
            Directory.Delete(claim, recursive: true);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // Left for RemoveLeftovers.
        }
    }
}
