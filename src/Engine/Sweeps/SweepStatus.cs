using System.Text.Json;
using Faith.Engine.Files;

namespace Faith.Engine.Sweeps;

/// <summary>How far a sweep is.</summary>
/// <param name="Cells">Every cell with its state, in the order of the manifest.</param>
/// <param name="SecondsLeft">Seconds that one process would still take, by what the cells that are done took; null where nothing tells.</param>
public sealed record SweepStatus(IReadOnlyList<(SweepCell Cell, CellState State)> Cells, double? SecondsLeft)
{
    private const long LargestCost = 1 << 16;

    /// <summary>Looks at a folder.</summary>
    public static SweepStatus Of(SweepFolder folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (SweepCell Cell, CellState State)[] cells = [.. folder.Cells.Select(c => (c, StateOf(folder, c)))];
        var costs = cells.Where(c => c.State == CellState.Done).Select(c => (c.Cell, Cost: CostOf(folder, c.Cell))).Where(c => c.Cost is { SharedScores: false }).ToArray();
        var left = cells.Where(c => c.State != CellState.Done).Select(c => c.Cell).ToArray();
        return new(cells, Estimate([.. costs.Select(c => (c.Cell, c.Cost!.Seconds))], left));
    }

    /// <summary>What the last run of a cell took; null where nobody wrote it down.</summary>
    public static CellCost? CostOf(SweepFolder folder, SweepCell cell)
    {
        ArgumentNullException.ThrowIfNull(folder);
        try
        {
            return JsonSerializer.Deserialize<CellCost>(RegularFile.ReadAll(folder.CostPathOf(cell), FileUse.Data, LargestCost));
        }
        catch (Exception e) when (e is InputException or JsonException)
        {
            return null;
        }
    }

    private static CellState StateOf(SweepFolder folder, SweepCell cell) =>
        folder.IsDone(cell) ? CellState.Done
        : folder.Claims.HolderOf(cell.Id) is { IsAbandoned: false } ? CellState.Running
        : folder.FailureOf(cell) is not null ? CellState.Failed
        : CellState.Left;

    // By operations where they are counted; a cell where they are not takes as long as those of its method.
    private static double? Estimate((SweepCell Cell, double Seconds)[] done, SweepCell[] left)
    {
        if (left.Length == 0) return 0;
        var counted = done.Where(d => d.Cell.Gflop is not null).ToArray();
        var secondsOfGflop = counted.Length > 0 ? counted.Sum(d => d.Seconds) / counted.Sum(d => d.Cell.Gflop!.Value) : (double?)null;
        var total = 0.0;
        foreach (var cell in left)
        {
            var ofMethod = done.Where(d => d.Cell.Run.Scoring.Method == cell.Run.Scoring.Method).ToArray();
            var seconds = cell.Gflop is { } gflop && secondsOfGflop is { } each ? gflop * each : ofMethod.Length > 0 ? ofMethod.Average(d => d.Seconds) : (double?)null;
            if (seconds is null) return null;
            total += seconds.Value;
        }
        return total;
    }
}
