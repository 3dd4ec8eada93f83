using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using Faith.Engine.Files;
using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.Kernels.Host;

namespace Faith.Cli.Commands;

/// <summary>`faith devices`: what can run here, and what is missing for the rest.</summary>
internal static class DevicesCommand
{
    private const double Gibibyte = 1L << 30;

    public static Command Create(CommandContext context)
    {
        var measure = new Option<bool>("--measure") { Description = "measure memory copies and matrix products on every device, and the CPU's peak of fused multiply-adds" };
        var warm = new Option<bool>("--warm") { Description = "compile every kernel for every GPU now, and say how long it took; drivers keep what they compile, so that later runs start faster" };
        var dump = new PathOption("--dump-ptx", PathRole.Folder, "write the kernels for NVIDIA GPUs as PTX, a file each; needs no GPU");
        var command = new FaithCommand("devices", "What can run here, and what is missing for the rest.", "faith devices", "faith devices --measure", "faith devices --dump-ptx ptx") { measure, warm, dump };
        command.Validators.Add(result =>
        {
            if (result.GetResult(dump) is null) return;
            foreach (var other in (Option[])[measure, warm])
            {
                if (result.GetResult(other) is { Implicit: false }) result.AddError($"--dump-ptx uses no device; leave out {other.Name}");
            }
        });
        command.SetAction(parse =>
        {
            if (parse.GetValue(dump) is { } folder)
            {
                Dump(folder, context);
                return;
            }
            var table = new TextTable("device", "usable", "what it is, or what is missing");
            var measures = parse.GetValue(measure);
            using (var host = new HostDevice())
            {
                table.Add("cpu", "yes", $"{host.Name}, {Environment.ProcessorCount} cores, {Gib(host.FreeMemory)} free of {Gib(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)}");
                if (measures) table.Add("", "", Ceilings(host, $"; FMA peak {PeakProbe.MeasureGflops(1):0} GFLOP/s on one thread, {PeakProbe.MeasureGflops(Environment.ProcessorCount):0} on {Environment.ProcessorCount}"));
            }
            var probes = context.Gpus ?? new();
            Gpus(table, probes.Cuda, measures, parse.GetValue(warm));
            Gpus(table, probes.OpenCl, measures, parse.GetValue(warm));
            table.Write(context);
        });
        return command;
    }

    /// <summary>A row a GPU; those that can be used are opened.</summary>
    internal static void Gpus(TextTable table, GpuProbe probe, bool measure, bool warm = false)
    {
        if (probe.Devices.Count == 0) table.Add(probe.Kind == GpuKind.Cuda ? "cuda" : "opencl", "no", probe.Reason);
        foreach (var info in probe.Devices)
        {
            if (!info.Usable)
            {
                table.Add(info.Id, "no", $"{info}");
                continue;
            }
            try
            {
                using var device = GpuDevices.Open(info);
                var (what, ceilings) = ($"{info}, {Gib(device.FreeMemory)} free{(probe.Version > 0 ? $", driver with {probe.VersionName}" : "")}", measure ? Ceilings(device, "") : null);
                table.Add(info.Id, "yes", what);
                if (ceilings is not null) table.Add("", "", ceilings);
                if (warm) table.Add("", "", Warm(device));
            }
            catch (Exception e) when (GpuDevices.MeansUnusable(e))
            {
                table.Add(info.Id, "no", $"{info}: {e.Message.ReplaceLineEndings(" ")}");
            }
        }
    }

    private static string Warm(GpuDevice device)
    {
        var start = Stopwatch.GetTimestamp();
        var kernels = device.Warm();
        return string.Create(CultureInfo.InvariantCulture, $"{kernels} kernels compiled in {Stopwatch.GetElapsedTime(start).TotalSeconds:0.0} s");
    }

    private static void Dump(string folder, CommandContext context)
    {
        var kernels = new List<Output>();
        foreach (var (name, ptx) in GpuPtx.All())
        {
            context.Cancellation.ThrowIfCancellationRequested();
            kernels.Add(Output.Text(name + ".ptx", ptx));
        }
        OutputFolder.Make(folder);
        OutputFile.WriteInFolder(folder, [.. kernels]);
        context.Output.WriteLine($"{kernels.Count} kernels written to {folder}");
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
