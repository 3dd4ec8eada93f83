using System.CommandLine;
using System.Globalization;
using Faith.Kernels;
using Faith.Kernels.Cuda;
using Faith.Kernels.Host;

namespace Faith.Cli.Commands;

/// <summary>`faith devices`: what can run here, and what is missing for the rest.</summary>
internal static class DevicesCommand
{
    private const double Gibibyte = 1L << 30;

    public static Command Create(CommandContext context)
    {
        var measure = new Option<bool>("--measure") { Description = "measure memory copies and matrix products on every device, and the CPU's peak of fused multiply-adds" };
        var command = new FaithCommand("devices", "What can run here, and what is missing for the rest.", "faith devices", "faith devices --measure") { measure };
        command.SetAction(parse =>
        {
            var table = new TextTable("device", "usable", "what it is, or what is missing");
            var measures = parse.GetValue(measure);
            using (var host = new HostDevice())
            {
                table.Add("cpu", "yes", $"{host.Name}, {Environment.ProcessorCount} cores, {Gib(host.FreeMemory)} free of {Gib(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}");
                if (measures) table.Add("", "", Ceilings(host, $"; FMA peak {PeakProbe.MeasureGflops(1):0} GFLOP/s on one thread, {PeakProbe.MeasureGflops(Environment.ProcessorCount):0} on {Environment.ProcessorCount}"));
            }
            Gpus(table, context.Gpus ?? CudaDevices.Probe(), measures);
            table.Write(context);
        });
        return command;
    }

    /// <summary>A row a GPU; those that can be used are opened.</summary>
    internal static void Gpus(TextTable table, CudaProbe probe, bool measure)
    {
        if (probe.Devices.Count == 0) table.Add("cuda", "no", probe.Reason);
        foreach (var info in probe.Devices)
        {
            if (!info.Usable)
            {
                table.Add($"cuda:{info.Ordinal}", "no", $"{info}");
                continue;
            }
            try
            {
                using var device = CudaDevices.Open(probe, info.Ordinal);
                var (what, ceilings) = ($"{info}, {Gib(device.FreeMemory)} free, driver with {probe.VersionName}", measure ? Ceilings(device, "") : null);
                table.Add($"cuda:{info.Ordinal}", "yes", what);
                if (ceilings is not null) table.Add("", "", ceilings);
            }
            catch (Exception e) when (CudaDevices.MeansUnusable(e))
            {
                table.Add($"cuda:{info.Ordinal}", "no", $"{info}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }
    }

    // A device with too little memory left to be measured can still be used.
    private static string Ceilings(Device device, string more)
    {
        try
        {
            return string.Create(CultureInfo.InvariantCulture,
                $"memory copies at {DeviceProbe.CopyGigabytes(device):#,0.0} GB/s, matrix products at {DeviceProbe.ProductGflops(device):#,0} GFLOP/s{more}");
        }
        catch (DeviceMemoryException e)
        {
            return $"not measured: {e.Message}";
        }
    }

    private static string Gib(long bytes) => (bytes / Gibibyte).ToString("0.0 GiB", CultureInfo.InvariantCulture);
}
