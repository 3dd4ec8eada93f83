using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Experiments;
using Faith.Engine.Mib;
using Faith.Engine.ScoreFiles;
using Faith.Kernels;
using Faith.Kernels.Gpu;

namespace Faith.Cli;

/// <summary>
/// Runs the cells of the benchmark that a command names, one after another. The model of neighbours is read once, what is done stays done, and a cell
/// that fails does not hold up the others.
/// </summary>
internal static class MibRuns
{
    /// <summary>Runs cells; a single one that fails is the command's own failure.</summary>
    /// <returns>The exit code.</returns>
    public static int Run(CommandContext context, MibOptions mib, ParseResult parse, Action<MibCell, LoadedModel> run)
    {
        var cells = mib.Cells(parse);
        var failed = 0;
        LoadedModel? model = null;
        if (cells.Count > 1) context.WhenCancelled = "cells that are done stay, and the same command goes on with the others";
        try
        {
            foreach (var (place, cell) in cells.Index())
            {
                context.Cancellation.ThrowIfCancellationRequested();
                if (cells.Count > 1) context.Output.WriteLine($"{place + 1}/{cells.Count} {cell.Name}");
                try
                {
                    if (model?.Name != mib.ModelName(parse, cell))
                    {
                        model?.Dispose();
                        model = null;
                        model = LoadedModel.Load(mib.ModelName(parse, cell));
                    }
                    run(cell, model!);
                }
                catch (Exception e) when (cells.Count > 1 && e is InputException or DeviceMemoryException or DeviceThreadsException or GpuException or OutOfMemoryException)
                {
                    failed++;
                    context.Note($"{cell.Name}: {e.Message}");
                    // What may have broken the device must not break the next cell.
                    model?.Dispose();
                    model = null;
                }
            }
        }
        finally
        {
            model?.Dispose();
        }
        if (failed == 0) return 0;
        context.Error.WriteLine($"faith: {failed} of {cells.Count} cells failed; the same command tries them again and leaves the others");
        return FaithProgram.BadInput;
    }

    /// <summary>Whether a result that is there was made by the very run that is to make it; says so, or what is other.</summary>
    /// <param name="path">Its file.</param>
    /// <param name="planned">The run.</param>
    /// <param name="read">Reads the record of the file.</param>
    public static bool IsDone(CommandContext context, string path, RunRecord planned, Func<string, RunRecord?> read)
    {
        if (!File.Exists(path)) return false;
        string other;
        try
        {
            other = read(path) is not { } record ? "does not say how it was made" : planned.Difference(record) is { } difference ? $"was made with {difference}" : "";
        }
        catch (InputException)
        {
            other = "is no such result";
        }
        if (other.Length > 0) context.Note($"{path} {other}: it is made anew");
        else context.Output.WriteLine($"{path}: done before, by the same run; delete it to make it again");
        return other.Length == 0;
    }
}
