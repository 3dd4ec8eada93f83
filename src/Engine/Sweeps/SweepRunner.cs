using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Passes;

namespace Faith.Engine.Sweeps;

/// <summary>
/// Makes the cells of a sweep that are not done, one after another. Many may run on one folder: each cell is claimed. A cell that fails is recorded and
/// the others go on; it is tried again by the next run.
/// </summary>
public sealed class SweepRunner
{
    // A claim of another machine that has not been refreshed for so long is likely to be abandoned soon, and worth waiting for.
    private const int SuspiciousRefreshes = 8;
    private static readonly TimeSpan Pause = TimeSpan.FromSeconds(5), Moment = TimeSpan.FromMilliseconds(100);

    private readonly SweepFolder folder;
    private readonly DeviceChoice choice;
    private readonly Action<string> note;

    /// <summary>Runs cells of a folder.</summary>
    /// <param name="folder">The sweep.</param>
    /// <param name="choice">Where its models run.</param>
    /// <param name="note">Is told what goes wrong, cell by cell, and what is waited for.</param>
    /// <exception cref="InputException">The sweep was planned by another version of the program.</exception>
    public SweepRunner(SweepFolder folder, DeviceChoice choice, Action<string> note)
    {
        ArgumentNullException.ThrowIfNull(folder);
        (this.folder, this.choice, this.note) = (folder, choice, note);
        if (folder.Cells.FirstOrDefault(c => c.Version != ProgramVersion.Text) is { } other)
        {
            throw new InputException($"{Path.Combine(folder.Folder, SweepFolder.ManifestFile)}: was planned by version {PlainText.Short(other.Version)}, and this is {ProgramVersion.Text}; plan the sweep anew, or run it with that version");
        }
    }

    /// <summary>Runs cells.</summary>
    /// <param name="cells">Which of the folder's cells.</param>
    /// <param name="started">Is told of every cell that is begun, with how many of <paramref name="cells"/> were looked at before it.</param>
    /// <param name="measured">Is told of every cell that was made: its run, its model where it was run first, and what its smallest circuit keeps.</param>
    /// <param name="progress">Told how far the cell is.</param>
    /// <param name="cancellation">Stops; a cell that has begun is given back.</param>
    public SweepOutcome Run(IReadOnlyList<SweepCell> cells, Action<SweepCell, int>? started = null, Action<LoadedRun, Transformer, Faithfulness>? measured = null, IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(cells);
        folder.Claims.RemoveLeftovers();
        var failedBefore = cells.ToDictionary(c => c.Id, c => folder.FailureOf(c)?.Attempt);
        var doneBefore = cells.Count(folder.IsDone);
        var ran = 0;
        CellRunner? runner = null;
        (string, Tokenizers.BeginTokenUse)? loaded = null;
        try
        {
            for (IReadOnlyList<SweepCell> left = cells; ;)
            {
                var held = new List<SweepCell>();
                foreach (var (place, cell) in left.Index())
                {
                    cancellation.ThrowIfCancellationRequested();
                    // What failed while this run went on, another process has tried.
                    if (folder.IsDone(cell) || folder.FailureOf(cell)?.Attempt is { } attempt && attempt != failedBefore[cell.Id]) continue;
                    using var claim = folder.Claims.TryTake(cell.Id);
                    if (claim is null) held.Add(cell);
                    else if (!folder.IsDone(cell))
                    {
                        started?.Invoke(cell, place);
                        if (Try(cell)) ran++;
                    }
                }
                left = [.. held.Where(c => !folder.IsDone(c))];
                // What was given back or abandoned meanwhile is there to be taken.
                var isFree = left.Any(c => folder.Claims.HolderOf(c.Id) is null or { IsAbandoned: true });
                var suspicious = left.Count(c => folder.Claims.HolderOf(c.Id)?.Age > SuspiciousRefreshes * folder.Claims.Refresh);
                if (!isFree && suspicious == 0) break;
                if (!isFree) note($"{suspicious} cells are claimed by processes that do not move; waiting whether they are abandoned");
                if (cancellation.WaitHandle.WaitOne(isFree ? Moment : Pause)) cancellation.ThrowIfCancellationRequested();
            }
        }
        finally
        {
            runner?.Dispose();
        }
        var failed = cells.Select(c => (Cell: c, Failure: folder.FailureOf(c))).Where(c => c.Failure is not null).Select(c => (c.Cell, c.Failure!)).ToArray();
        var done = cells.Count(folder.IsDone);
        return new(ran, doneBefore, failed, cells.Count - done - failed.Length);

        bool Try(SweepCell cell)
        {
            (LoadedRun Run, Transformer Model, Faithfulness Smallest) made;
            try
            {
                var model = (cell.ModelHash, cell.Run.Begin);
                if (loaded != model || runner is null)
                {
                    runner?.Dispose();
                    (runner, loaded) = (null, null);
                    (runner, loaded) = (new(folder, cell, choice), model);
                }
                made = runner.Run(cell, progress, cancellation);
                folder.RemoveFailure(cell);
            }
            catch (Exception e) when (e is not OperationCanceledException)
            {
                var isFault = e is not (InputException or Kernels.DeviceMemoryException or Kernels.DeviceThreadsException or Kernels.Gpu.GpuException or IOException or UnauthorizedAccessException or OutOfMemoryException);
                var message = isFault ? $"internal error: {e.GetType().Name}: {PlainText.Line(e.Message)}" : PlainText.Line(e.Message);
                note($"cell {cell.Id} ({cell.Label}): {message}");
                folder.WriteFailure(cell, new(message, isFault, Environment.MachineName, Guid.NewGuid().ToString("N")));
                // What may have broken the device must not break the next cell.
                if (e is InputException) return false;
                runner?.Dispose();
                runner = null;
                return false;
            }
            measured?.Invoke(made.Run, made.Model, made.Smallest);
            return true;
        }
    }
}
