using System.Globalization;
using System.Runtime.InteropServices;
using Faith.Engine.Files;

namespace Faith.Cli;

/// <summary>
/// The signals that ask the program to stop: SIGINT (Ctrl-C), SIGTERM and SIGHUP. The first one lets the command leave in order; where it does
/// not within a second, as while it reads a large file, the process ends as soon as no output is on its way. A second signal ends it at once.
/// </summary>
internal sealed class StopSignals : IDisposable
{
    // Signal numbers by POSIX.
    private static readonly (PosixSignal Signal, int Number)[] Watched = [(PosixSignal.SIGHUP, 1), (PosixSignal.SIGINT, 2), (PosixSignal.SIGTERM, 15)];

    private static readonly TimeSpan Grace = TimeSpan.FromSeconds(1);

    private readonly CancellationTokenSource cancellation = new();
    private readonly PosixSignalRegistration[] registrations;
    private int first;

    public StopSignals()
    {
        var hangupIgnored = (Ignored() & 1) != 0;
        registrations = [.. Watched.Where(w => w.Signal != PosixSignal.SIGHUP || !hangupIgnored).Select(w => PosixSignalRegistration.Create(w.Signal, context =>
        {
            context.Cancel = Interlocked.CompareExchange(ref first, w.Number, 0) == 0;
            cancellation.Cancel();
            if (context.Cancel) _ = EndAfterGrace();
        }))];
    }

    /// <summary>Set by the first signal.</summary>
    public CancellationToken Cancellation => cancellation.Token;

    /// <summary>What the process returns after the signal, as shells count it: 128 and the signal's number.</summary>
    public int ExitCode => 128 + first;

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var registration in registrations) registration.Dispose();
        cancellation.Dispose();
    }

    private async Task EndAfterGrace()
    {
        await Task.Delay(Grace);
        OutputFile.WhenNothingIsOnItsWay(() =>
        {
            try
            {
                Console.Error.WriteLine("faith: cancelled");
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Nobody listens; the exit code says it.
            }
            Environment.Exit(ExitCode);
        });
    }

    // Bit n − 1 is set where whoever started the program had it ignore signal n. A hangup that is ignored (nohup) stays so. Only Linux tells.
    private static ulong Ignored()
    {
        const string line = "SigIgn:";
        try
        {
            var mask = File.ReadLines("/proc/self/status").FirstOrDefault(l => l.StartsWith(line, StringComparison.Ordinal));
            return mask is not null && ulong.TryParse(mask.AsSpan(line.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture, out var bits) ? bits : 0;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return 0;
        }
    }
}
