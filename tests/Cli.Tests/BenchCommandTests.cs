using System.Text.Json;
using Faith.Cli.Benchmarks;
using Faith.Kernels;
using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>bench, plan and devices.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class BenchCommandTests : CliTest
{
    private static readonly string[] Small = ["--shape", "stories260k", "--examples", "3", "--tokens", "6", "--steps", "2", "--device", "cpu"];

    private JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllText(At(name))).RootElement;

    [Theory]
    [InlineData("eap-ig")]
    [InlineData("eap", "--bf16", "--first-difference", "0.5", "--threads", "1")]
    public void Bench_writes_what_the_contract_promises(string method, params string[] more)
    {
        var output = Done(["bench", .. Small, "--method", method, "--json", At("b.json"), .. more]);
        var result = Json("b.json");
        var seconds = result.GetProperty("seconds").GetDouble();
        Assert.InRange(result.GetProperty("seconds_min").GetDouble(), double.Epsilon, seconds);
        Assert.Equal(3, result.GetProperty("examples").GetInt32());
        Assert.Equal(3 / seconds, result.GetProperty("examples_per_second").GetDouble(), 6);
        var (flops, peak) = (result.GetProperty("flops").GetDouble(), result.GetProperty("peak_gflops").GetDouble());
        Assert.InRange(flops, 1, double.MaxValue);
        Assert.InRange(peak, 0.1, double.MaxValue);
        Assert.Equal(flops / seconds / 1e9 / peak, result.GetProperty("share_of_peak").GetDouble(), 9);
        Assert.All(["share_of_peak", "share_of_product"], share => Assert.InRange(result.GetProperty(share).GetDouble(), double.Epsilon, 1));
        Assert.InRange(result.GetProperty("seconds_max").GetDouble(), seconds, double.MaxValue);
        Assert.InRange(result.GetProperty("peak_gflops_min").GetDouble(), double.Epsilon, peak);
        Assert.InRange(result.GetProperty("peak_memory_bytes").GetInt64(), 1 << 20, long.MaxValue);
        Assert.InRange(result.GetProperty("phases").EnumerateObject().Sum(p => p.Value.GetDouble()), double.Epsilon, double.MaxValue);
        Assert.Equal(flops / seconds / 1e9 / result.GetProperty("product_gflops").GetDouble(), result.GetProperty("share_of_product").GetDouble(), 9);
        Assert.InRange(result.GetProperty("copy_gigabytes_per_second").GetDouble(), 0.01, double.MaxValue);
        Assert.Contains("FMA peak", output, StringComparison.Ordinal);
        Assert.Contains("edge scores on top of forwards and backwards", output, StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_times_a_curve_of_circuits()
    {
        Done(["bench", .. Small, "--what", "evaluate", "--json", At("b.json")]);
        var result = Json("b.json");
        Assert.Equal(20, result.GetProperty("edges").GetArrayLength());
        Assert.All(["seconds", "ends_seconds", "ratio", "whole_prompts_seconds", "whole_prompts_ratio"], name => Assert.InRange(result.GetProperty(name).GetDouble(), double.Epsilon, double.MaxValue));
        Assert.InRange(result.GetProperty("operations_ratio").GetDouble(), 1, 21);
    }

    [Fact]
    public void Bench_shows_growth()
    {
        var output = Done(["bench", .. Small, "--what", "growth", "--json", At("b.json"), "--plot", At("b.pdf")]);
        foreach (var quantity in (string[])["examples", "suffix rows of an example", "steps", "layers"])
        {
            Assert.Contains(quantity, output, StringComparison.Ordinal);
            Assert.Equal(JsonValueKind.Number, Json("b.json").GetProperty(quantity).GetProperty("exponent").ValueKind);
        }
        Assert.StartsWith("%PDF-1.7", File.ReadAllText(At("b.pdf")), StringComparison.Ordinal);
    }

    [Fact]
    public void Bench_times_a_step_of_masks_against_plain_passes()
    {
        var output = Done(["bench", .. Small, "--what", "masks", "--json", At("b.json")]);
        Assert.Contains("seconds of a plain forward and backward pass", output, StringComparison.Ordinal);
        var result = Json("b.json");
        foreach (var name in (string[])["seconds", "plain_seconds", "ratio"]) Assert.InRange(result.GetProperty(name).GetDouble(), double.Epsilon, double.MaxValue);
    }

    [Fact]
    public void Bench_holds_every_operation_against_the_ceilings()
    {
        var output = Done(["bench", .. Small, "--what", "operations", "--rows", "10", "--json", At("b.json")]);
        CheckOperations(Json("b.json"));
        Assert.Contains("FMA peak", output, StringComparison.Ordinal);
        Assert.Contains("operation, 10 rows in sequences of 6", output, StringComparison.Ordinal);
        foreach (var name in (string[])["eap-ig", "NormBackward", "Multiply projection, transposed", "Activate gated Silu", "ContractScores"]) Assert.Contains(name, output, StringComparison.Ordinal);
    }

    [SimulatedFact]
    public void Bench_of_operations_runs_on_a_gpu()
    {
        SimulatedGpu.Reset();
        using var device = GpuDevices.Open(SimulatedCuda.Probe.Devices[0]);
        var settings = new BenchSettings { Shape = "stories260k", Precision = null, Layers = 1, Options = new() { Steps = 2 }, Examples = 2, Tokens = 3, Rows = 5, FirstDifference = 0, Runs = 1 };
        var bench = OperationBench.Run(device, settings, threads: 1, CancellationToken.None);
        JsonFile.Write(At("b.json"), bench.WriteJson);
        CheckOperations(Json("b.json"));
        Assert.InRange(Json("b.json").GetProperty("peak_gflops").GetDouble(), double.Epsilon, double.MaxValue);
        Assert.Null(SimulatedGpu.Fault);
    }

    [SimulatedFact]
    public void Bench_shares_the_examples_out_to_several_gpus()
    {
        SimulatedGpu.Reset();
        SimulatedGpu.Devices = 2;
        var devices = Devices.OpenSeveral("cuda:all", new GpuProbes(SimulatedCuda.Probe));
        var settings = new BenchSettings { Shape = "stories260k", Precision = null, Layers = 1, Options = new() { Method = "eap" }, Examples = 2, Tokens = 3, FirstDifference = 0, Runs = 1 };
        var bench = AttributionBench.Run(devices, settings, threads: 1, CancellationToken.None);
        JsonFile.Write(At("b.json"), bench.WriteJson);
        foreach (var device in devices) device.Dispose();
        var result = Json("b.json");
        Assert.Equal("cuda:0 Simulated GPU (sm_90) + cuda:1 Simulated GPU (sm_90)", result.GetProperty("device").GetString());
        Assert.Equal(result.GetProperty("flops").GetDouble() / result.GetProperty("seconds").GetDouble() / 1e9 / 2 / result.GetProperty("product_gflops").GetDouble(), result.GetProperty("share_of_product").GetDouble(), 9);
    }

    /// <summary>As on a machine that was busy while one of the measurements was taken.</summary>
    [Fact]
    public void Ceilings_of_a_busy_machine_are_the_larger_ones_and_say_so()
    {
        Ceilings quiet = new(30, 200, 220), busy = new(40, 90, 110);
        foreach (var both in (Ceilings[])[quiet.Or(busy), busy.Or(quiet)])
        {
            Assert.Equal((40, 200, 220, 110, true), (both.CopyGigabytes, both.ProductGflops, both.FmaGflops, both.LeastFmaGflops, both.WasBusy));
            Assert.Equal((both.FmaGflops, both.LeastFmaGflops), (both.AtLeast(150).FmaGflops, both.AtLeast(150).LeastFmaGflops));
        }
        Assert.False(quiet.Or(quiet).WasBusy);
        // Work that was done faster than any ceiling was measured raises it: no share is above 1, and that it was too low is seen.
        var raised = busy.AtLeast(180);
        Assert.Equal((180, 180, true), (raised.ProductGflops, raised.FmaGflops, raised.WasBusy));
        Assert.Equal(1, raised.Floor(0, 180e9).Seconds);
        using var device = new Kernels.Host.HostDevice(1);
        var measured = Ceilings.Arithmetic(device, 1);
        Assert.InRange(measured.ProductGflops, double.Epsilon, measured.FmaGflops);
    }

    private static void CheckOperations(JsonElement result)
    {
        var (copy, product) = (result.GetProperty("copy_gigabytes_per_second").GetDouble(), result.GetProperty("product_gflops").GetDouble());
        Assert.InRange(Math.Min(copy, product), 1e-6, double.MaxValue);
        Assert.InRange(result.GetProperty("operations").GetArrayLength(), 25, 60);
        foreach (var operation in result.GetProperty("operations").EnumerateArray())
        {
            var (memory, arithmetic) = (operation.GetProperty("bytes").GetDouble() / copy / 1e9, operation.GetProperty("flops").GetDouble() / product / 1e9);
            var share = Math.Max(memory, arithmetic) / operation.GetProperty("seconds").GetDouble();
            Assert.Equal(Math.Min(share, 1), operation.GetProperty("share").GetDouble(), 9);
            Assert.InRange(operation.GetProperty("spread").GetDouble(), 1, double.MaxValue);
            Assert.Equal(memory < arithmetic ? "product" : share > 1 ? "cache" : "copy", operation.GetProperty("ceiling").GetString());
        }
        Assert.All(["eap", "eap-ig"], method => Assert.InRange(result.GetProperty("examples_per_second").GetProperty(method).GetDouble(), double.Epsilon, double.MaxValue));
    }

    [Fact]
    public void Bad_benchmarks_are_refused()
    {
        Refused("shape 'nothing' is unknown; supported: gpt2", "bench", "--shape", "nothing");
        Refused("--first-difference must be a number from 0 to below 1, not 1", ["bench", .. Small, "--first-difference", "1"]);
        Refused("--runs must be a whole number from 5 to 1000, not 1", ["bench", .. Small, "--runs", "1"]);
        Refused("--tokens 1000: the context of stories260k holds 512", "bench", "--shape", "stories260k", "--tokens", "1000");
        Refused("--rows needs --what operations", ["bench", .. Small, "--rows", "10"]);
        Refused("--what operations times eap and eap-ig; leave --method out", ["bench", .. Small, "--what", "operations", "--method", "eap"]);
        Refused("--what growth varies the layers; leave --layers out", ["bench", .. Small, "--what", "growth", "--layers", "2"]);
        Refused("--plot x.png: a plot is a file that ends in .svg or .pdf", ["bench", .. Small, "--what", "growth", "--plot", "x.png"]);
        Refused("--plot needs --what growth", ["bench", .. Small, "--plot", At("x.svg")]);
        Refused("--device tpu: unknown device 'tpu'", "bench", "--shape", "stories260k", "--device", "tpu");
    }

    [Fact]
    public void Plan_covers_devices_that_are_not_here()
    {
        var output = Done("plan", "--shape", "gpt2", "--examples", "20", "--tokens", "8", "--memory", "1");
        foreach (var device in (string[])["cpu", "GPU of 24 GiB", "GPU of 48 GiB", "GPU of 80 GiB"]) Assert.Contains(device, output, StringComparison.Ordinal);
        Assert.Contains("floor: ", output, StringComparison.Ordinal);
        Assert.Contains("eap on tasks-4l, 7 examples of ioi", Done("plan", "--model", "tasks-4l", "--data", "ioi", "--examples", "7", "--method", "eap", "--device", "cpu"), StringComparison.Ordinal);
    }

    [Fact]
    public void The_document_shows_the_plan_of_an_8b_model()
    {
        const string command = "faith plan --shape llama-8b --examples 100 --tokens 32 --device 24,48,80";
        var lines = File.ReadAllText(Path.Combine(Root(), "docs", "gpu.md")).ReplaceLineEndings("\n").Split('\n').SkipWhile(line => line != $"    {command}").Skip(2).TakeWhile(line => line.Length > 0);
        Assert.Equal(string.Join(Environment.NewLine, lines.Select(line => line[4..])), Done(command.Split(' ')[1..]).TrimEnd());
        Refused("GPU of 14 GiB: the parameters take 15,317 MiB, more than there is; 18 GiB would do", [.. command.Split(' ')[1..^1], "14"]);
        // The parameters fit, an example does not.
        Refused("example 1 (32 tokens) needs 1152 MiB, more than the 1045 MiB allowed: raise --memory or shorten it; 18 GiB would do", [.. command.Split(' ')[1..^1], "17"]);
    }

    private static string Root()
    {
        var folder = new DirectoryInfo(AppContext.BaseDirectory);
        while (!File.Exists(Path.Combine(folder.FullName, "Engine.sln"))) folder = folder.Parent!;
        return folder.FullName;
    }

    [Fact]
    public void Bad_plans_are_refused()
    {
        Refused("give either --model M or --shape S", "plan");
        Refused("give either --model M or --shape S", "plan", "--model", "tasks-4l", "--shape", "gpt2");
        Refused("--data needs --model", "plan", "--shape", "gpt2", "--data", "ioi");
        Refused("GPU of 1 GiB: the parameters take", "plan", "--shape", "llama-8b", "--device", "1");
        Refused("fits none of these devices; of the last: GPU of 2 GiB: the parameters take", "plan", "--shape", "llama-8b", "--device", "1,2");
        Refused("--tokens is of random prompts, and --data has its own", "plan", "--model", "tasks-4l", "--data", "ioi", "--tokens", "5");
        Refused("--device must be cpu or the GiB of a GPU's memory, not big", "plan", "--shape", "gpt2", "--device", "big");
        Refused("raise --memory or shorten it", "plan", "--shape", "gpt2", "--device", "24", "--memory", "0.0001");
    }

    [Fact]
    public void Devices_names_the_cpu_and_says_what_a_gpu_lacks()
    {
        var output = Done("devices", "--measure");
        Assert.Contains("cpu", output, StringComparison.Ordinal);
        Assert.Contains("cuda", output, StringComparison.Ordinal);
        Assert.Contains("FMA peak", output, StringComparison.Ordinal);
    }
}
