using System.Text.Json;
using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.Kernels.Host;

namespace Faith.Cli.Benchmarks;

/// <summary>What a device can do at most, measured in the process that is held against it.</summary>
/// <param name="CopyGigabytes">Bytes read and written a second by a copy of a large matrix in the device's memory, in 10⁹.</param>
/// <param name="ProductGflops">Operations a second of a large square matrix product, in 10⁹.</param>
/// <param name="FmaGflops">Fused multiply-adds on registers alone, in 10⁹ operations a second.</param>
internal sealed record Ceilings(double CopyGigabytes, double ProductGflops, double FmaGflops)
{
    private const double BusyShare = 0.9;

    /// <summary>The least that a measurement of <see cref="FmaGflops"/> gave.</summary>
    public double LeastFmaGflops { get; private init; } = FmaGflops;

    /// <summary>True where one measurement of the peak fell short of another: something else ran on the machine, and shares of a ceiling are too low rather than too high.</summary>
    public bool WasBusy => LeastFmaGflops < BusyShare * FmaGflops;

    /// <summary>Measures; <paramref name="threads"/> are those of a CPU.</summary>
    public static Ceilings Measure(Device device, int threads) => Arithmetic(device, threads) with { CopyGigabytes = DeviceProbe.CopyGigabytes(device) };

    /// <summary>Measures what takes hardly any memory; the copy is not measured and stands at 0.</summary>
    public static Ceilings Arithmetic(Device device, int threads)
    {
        var product = DeviceProbe.ProductGflops(device);
        // A CPU's products are made of multiply-adds: a peak below them was measured while the machine was busy.
        if (device is GpuDevice gpu) return new(0, product, gpu.MultiplyAddGflops());
        var peak = PeakProbe.MeasureGflops(threads);
        return new(0, product, Math.Max(peak, product)) { LeastFmaGflops = peak };
    }

    /// <summary>The higher of two: the machine may have been busy with something else at one of them.</summary>
    public Ceilings Or(Ceilings other) => new(Math.Max(CopyGigabytes, other.CopyGigabytes), Math.Max(ProductGflops, other.ProductGflops), Math.Max(FmaGflops, other.FmaGflops))
    {
        LeastFmaGflops = Math.Min(LeastFmaGflops, other.LeastFmaGflops),
    };

    /// <summary>No ceiling is below a rate that was reached under it.</summary>
    public Ceilings AtLeast(double gflops) => this with { ProductGflops = Math.Max(ProductGflops, gflops), FmaGflops = Math.Max(FmaGflops, gflops) };

    /// <summary>Seconds that this many bytes or operations take at least, and whether it is the memory that says so.</summary>
    public (double Seconds, bool ByMemory) Floor(double bytes, double flops)
    {
        var (memory, arithmetic) = (bytes / CopyGigabytes / 1e9, flops / ProductGflops / 1e9);
        return (Math.Max(memory, arithmetic), memory >= arithmetic);
    }

    /// <summary>Members of the result's JSON.</summary>
    public void WriteJson(Utf8JsonWriter json)
    {
        json.WriteNumber("copy_gigabytes_per_second", CopyGigabytes);
        json.WriteNumber("product_gflops", ProductGflops);
        json.WriteNumber("peak_gflops", FmaGflops);
        json.WriteNumber("peak_gflops_min", LeastFmaGflops);
        json.WriteBoolean("busy", WasBusy);
    }

    /// <summary>Rows of a table for people.</summary>
    public void AddTo(TextTable table)
    {
        table.Add("copy ceiling", $"{CopyGigabytes:#,0.0} GB/s");
        table.Add("matrix product ceiling", $"{ProductGflops:#,0.0} GFLOP/s");
        table.Add("FMA peak", $"{FmaGflops:#,0.0} GFLOP/s, the highest; {LeastFmaGflops:#,0.0} the lowest{(WasBusy ? ": the machine was busy with something else" : "")}");
    }
}
