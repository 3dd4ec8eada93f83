using System.CommandLine;
using System.Globalization;
using Faith.Kernels.Cuda;
using Faith.Kernels.Host;

namespace Faith.Cli.Commands;

/// <summary>`faith devices`: what can run here, and what is missing for the rest.</summary>
internal static class DevicesCommand
{
    private const double Gibibyte = 1L << 30;

    public static Command Create(CommandContext context)
    {
        var measure = new Option<bool>("--measure") { Description = "measure the CPU's peak of fused multiply-adds and its memory bandwidth" };
        var command = new FaithCommand("devices", "What can run here, and what is missing for the rest.", "faith devices", "faith devices --measure") { measure };
        command.SetAction(parse =>
        {
            var table = new TextTable("device", "usable", "what it is, or what is missing");
            using (var host = new HostDevice())
            {
                table.Add("cpu", "yes", $"{host.Name}, {Environment.ProcessorCount} cores, {Gib(host.FreeMemory)} free of {Gib(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}");
            }
            if (parse.GetValue(measure))
            {
                var threads = Environment.ProcessorCount;
                table.Add("", "", string.Create(CultureInfo.InvariantCulture,
                    $"FMA peak {PeakProbe.MeasureGflops(1):0} GFLOP/s on one thread, {PeakProbe.MeasureGflops(threads):0} on {threads}; memory copies at {PeakProbe.MeasureCopyGigabytes(threads):0.0} GB/s"));
            }
            Gpus(table, CudaDevices.Probe());
            table.Write(context);
        });
        return command;
    }

    private static void Gpus(TextTable table, CudaProbe probe)
    {
        if (probe.Devices.Count == 0) table.Add("cuda", "no", probe.Reason);
        foreach (var info in probe.Devices)
        {
            var (usable, free) = (info.Usable, "");
            if (usable)
            {
                try
                {
                    using var device = CudaDevices.Open(probe, info.Ordinal);
                    free = $", {Gib(device.FreeMemory)} free";
                }
                catch (CudaException e)
                {
                    (usable, free) = (false, $": {e.Message}");
                }
            }
            table.Add($"cuda:{info.Ordinal}", usable ? "yes" : "no", $"{info}{free}");
        }
    }

    private static string Gib(long bytes) => (bytes / Gibibyte).ToString("0.0 GiB", CultureInfo.InvariantCulture);
}
