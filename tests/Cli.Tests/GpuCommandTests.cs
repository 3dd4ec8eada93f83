using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Whole commands with --device cuda, on GPUs of the simulated driver, against the same with --device cpu.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class GpuCommandTests : ResultTest
{
    private readonly string data;

    public GpuCommandTests()
    {
        SimulatedGpu.Reset();
        data = Write("data.jsonl", Data);
    }

    /// <summary>Runs the program where the simulated driver is the installed one.</summary>
    private static Outcome OnGpus(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var context = new CommandContext(output, error, false, false, CancellationToken.None) { Gpus = new(SimulatedCuda.Probe) };
        return new(FaithProgram.Run(args, context), output.ToString(), error.ToString());
    }

    /// <summary>Runs a command on a device and expects it to succeed.</summary>
    private static void DoneOn(string device, params string[] args)
    {
        var before = SimulatedGpu.Launched.Count;
        var (code, _, error) = OnGpus([.. args, "--device", device]);
        Assert.True(code == 0, error);
        Assert.Empty(error);
        Assert.Null(SimulatedGpu.Fault);
        Assert.Equal(device != "cpu", SimulatedGpu.Launched.Count > before);
    }

    [SimulatedTheory]
    [InlineData("gpt2", "eap")]
    [InlineData("gpt2", "eap-ig", "--metric", "kl")]
    [InlineData("gpt2", "eap-ig", "--level", "neuron", "--ablation", "mean-positional")]
    [InlineData("gpt2", "exact")]
    [InlineData("llama", "eap")]
    [InlineData("llama", "eap-ig", "--rule", "midpoint", "--steps", "3")]
    [InlineData("llama", "exact", "--level", "node")]
    [InlineData("llama", "exact")]
    public void Attribute_writes_the_scores_of_the_cpu(string family, string method, params string[] more)
    {
        var model = Model(family);
        foreach (var device in (string[])["cpu", "cuda"])
            DoneOn(device, ["attribute", "--model", model, "--data", data, "--method", method, "--out", At($"{device}.json"), "--json", At($"{device}-result.json"), .. more]);
        AssertSame("cpu.json", "cuda.json");
        AssertSame("cpu-result.json", "cuda-result.json");
        Assert.Equal("cuda:0 Simulated GPU (sm_90)", Json("cuda.json").GetProperty("run").GetProperty("device").GetString());
    }

    /// <summary>Of tensor cores that round once, and of such that cut what they add up; on one GPU and on two, in large and in small micro-batches.</summary>
    [SimulatedTheory]
    [InlineData("gpt2", Accumulation.RoundedOnce)]
    [InlineData("llama", Accumulation.Truncated)]
    public void Tensor_products_give_the_scores_of_the_cpu(string family, Accumulation accumulation)
    {
        SimulatedGpu.Devices = 2;
        WarpProduct.Accumulation = accumulation;
        var model = Model(family);
        foreach (var (device, name) in ((string, string)[])[("cpu", "cpu"), ("cuda:0", "tensor"), ("cuda:0,1", "several")])
            DoneOn(device, ["attribute", "--model", model, "--data", data, "--method", "eap-ig", "--out", At($"{name}.json"), .. device == "cpu" ? [] : (string[])["--products", "tensor"]]);
        DoneOn("cuda:0", "attribute", "--model", model, "--data", data, "--method", "eap-ig", "--out", At("exact.json"), "--products", "exact");
        AssertSame("cpu.json", "tensor.json", tolerance: 2e-5);
        AssertSame("tensor.json", "several.json", tolerance: 0);
        Assert.NotEqual(Json("exact.json").GetProperty("edges").GetRawText(), Json("tensor.json").GetProperty("edges").GetRawText());
        Assert.Equal("cuda:0 Simulated GPU (sm_90, tensor products)", Json("tensor.json").GetProperty("run").GetProperty("device").GetString());
    }

    [SimulatedTheory]
    [InlineData("gpt2", "cuda", "eap-ig", "--metric", "prob-diff")]
    [InlineData("llama", "cuda", "eap-qkfix")]
    [InlineData("gpt2", "cuda:all", "eap")]
    [InlineData("llama", "cpu", "exact", "--metric", "js")]
    public void A_validated_run_writes_the_same_and_says_how_far_the_cpu_was(string family, string device, string method, params string[] more)
    {
        string[] command = ["attribute", "--model", Model(family), "--data", data, "--method", method, "--device", device, .. more];
        var plain = OnGpus([.. command, "--out", At("plain.json")]);
        var (code, _, error) = OnGpus([.. command, "--out", At("validated.json"), "--validate"]);
        Assert.True(plain.Code == 0 && code == 0, plain.Error + error);
        Assert.Equal(Scores("plain.json"), Scores("validated.json"));
        Assert.Matches(@$"^(faith: {(device == "cpu" ? "cpu" : "cuda:0")} .+, validated by cpu \(.+\): [\d,]+ calls of \d+ operations agree; at most \S+ of the largest value apart \(\w+\)\r?\n)$", error);
        Assert.Matches(", validated by cpu", Json("validated.json").GetProperty("run").GetProperty("device").GetString());
    }

    /// <summary>Numbers of 16 bits are widened exactly, of matrices and of tables that are read row by row or multiplied with.</summary>
    [SimulatedTheory]
    [InlineData("gpt2", "cpu", "--metric", "kl")]
    [InlineData("gpt2", "cuda", "--metric", "kl")]
    [InlineData("gpt2", "cuda", "--products", "tensor")]
    [InlineData("llama", "cpu")]
    [InlineData("llama", "cuda")]
    [InlineData("llama", "cuda", "--metric", "kl", "--products", "tensor")]
    public void Float16_weights_give_the_bytes_of_the_same_numbers_as_float32(string family, string device, params string[] more)
    {
        foreach (var numbers in (TinyModel.Numbers[])[TinyModel.Numbers.Half, TinyModel.Numbers.WidenedHalf])
            DoneOn(device, ["attribute", "--model", Model(family, numbers), "--data", data, "--method", "eap-ig", "--out", At($"{numbers}.json"), .. more]);
        Assert.Equal(Scores("WidenedHalf.json"), Scores("Half.json"));
    }

    [SimulatedFact]
    public void Bench_cannot_be_validated() =>
        RefusedOnGpus("--validate is of no use with bench", "bench", "--shape", "stories260k", "--device", "cuda", "--validate");

    [SimulatedTheory]
    [InlineData("gpt2", "logit-diff", "patching")]
    [InlineData("llama", "js", "patching")]
    [InlineData("llama", "logit-diff", "mean")]
    public void A_circuit_is_evaluated_as_on_the_cpu(string family, string metric, string ablation)
    {
        var model = Model(family);
        Done("attribute", "--model", model, "--data", data, "--method", "eap", "--out", At("scores.json"), "--device", "cpu");
        Done("circuit", "--scores", At("scores.json"), "--edges", "12", "--out", At("circuit.json"));
        foreach (var device in (string[])["cpu", "cuda", "cuda:1,0"])
        {
            SimulatedGpu.Devices = 2;
            string[] run = ["--model", model, "--data", data, "--metric", metric, "--ablation", ablation];
            DoneOn(device, ["evaluate", "--circuit", At("circuit.json"), "--json", At($"{device}.json"), .. run]);
            DoneOn(device, ["curve", "--scores", At("scores.json"), "--out", At($"{device}-curve.csv"), .. run]);
        }
        AssertSame("cpu.json", "cuda.json");
        AssertSame("cpu-curve.csv", "cuda-curve.csv");
        AssertSame("cuda.json", "cuda:1,0.json", tolerance: 0);
        AssertSame("cuda-curve.csv", "cuda:1,0-curve.csv", tolerance: 0);
        var validated = OnGpus("curve", "--scores", At("scores.json"), "--out", At("validated.csv"), "--model", model, "--data", data, "--metric", metric, "--ablation", ablation, "--device", "cuda", "--validate");
        Assert.True(validated.Code == 0, validated.Error);
        AssertSame("cuda-curve.csv", "validated.csv", tolerance: 0);
    }

    [SimulatedTheory]
    [InlineData("gpt2", "eap-ig")]
    [InlineData("llama", "exact")]
    public void Several_gpus_write_the_numbers_of_one(string family, string method)
    {
        SimulatedGpu.Devices = 2;
        var model = Model(family);
        foreach (var device in (string[])["cuda:0", "cuda:0,1"])
            DoneOn(device, "attribute", "--model", model, "--data", data, "--method", method, "--out", At($"{device}.json"), "--json", At($"{device}-result.json"));
        AssertSame("cuda:0.json", "cuda:0,1.json", tolerance: 0);
        AssertSame("cuda:0-result.json", "cuda:0,1-result.json", tolerance: 0);
        Assert.Equal("cuda:0 Simulated GPU (sm_90) + cuda:1 Simulated GPU (sm_90)", Json("cuda:0,1.json").GetProperty("run").GetProperty("device").GetString());
    }

    [SimulatedFact]
    public void Bench_times_a_gpu()
    {
        DoneOn("cuda", "bench", "--shape", "stories260k", "--examples", "1", "--tokens", "2", "--method", "eap", "--json", At("b.json"));
        Assert.Equal("cuda:0 Simulated GPU (sm_90)", Json("b.json").GetProperty("device").GetString());
        Assert.InRange(Json("b.json").GetProperty("examples_per_second").GetDouble(), double.Epsilon, double.MaxValue);
    }

    [SimulatedFact]
    public void Devices_lists_the_gpu() => Assert.Matches(@"cuda:0\s+yes\s+Simulated GPU", OnGpus("devices").Output);

    [SimulatedFact]
    public void Devices_compiles_every_kernel_and_says_how_long_it_took()
    {
        using var output = new StringWriter();
        var context = new CommandContext(output, TextWriter.Null, false, false, CancellationToken.None) { Gpus = new(SimulatedCuda.Probe, new(GpuKind.OpenCl, [], "left out", IsInstalled: false)) };
        Assert.Equal(0, FaithProgram.Run(["devices", "--warm"], context));
        Assert.Matches($@"\n\s+{GpuPtx.All().Count()} kernels compiled in \d+\.\d s", output.ToString());
    }

    [SimulatedTheory]
    [InlineData("cuda", "the GPU has too little memory")]
    [InlineData("cuda:0,1", "cuda:1 Simulated GPU (sm_90): the GPU has too little memory")]
    public void A_model_that_does_not_fit_is_refused(string device, string message)
    {
        SimulatedGpu.Devices = 2;
        var model = Model("llama");
        SimulatedGpu.SmallerMemory[device == "cuda" ? 0 : 1] = 3000;
        RefusedOnGpus($"--device {device}: the parameters of {model} do not fit: {message}", "attribute", "--model", model, "--data", data, "--out", At("s.json"), "--device", device);
        Assert.Equal(0, SimulatedGpu.Memory.Used);
    }

    [SimulatedFact]
    public void An_example_that_does_not_fit_is_named()
    {
        var model = Model("gpt2");
        Done("attribute", "--model", model, "--data", data, "--out", At("s.json"), "--device", "cpu");
        // The parameters take 10 KB.
        SimulatedGpu.SmallerMemory[0] = 20_000;
        foreach (var command in (string[][])[["attribute", "--out", At("t.json")], ["curve", "--scores", At("s.json"), "--out", At("c.json")]])
            RefusedOnGpus("tokens) needs", [.. command, "--model", model, "--data", data, "--memory", "1", "--device", "cuda"]);
        Assert.Equal(0, SimulatedGpu.Memory.Used);
    }

    [SimulatedFact]
    public void A_gpu_that_fails_is_an_error_of_one_line()
    {
        var model = Model("gpt2");
        SimulatedGpu.InitResult = 100;
        RefusedOnGpus("--device cuda: CUDA is not available: cuInit failed: simulated error 100 (error 100)", "attribute", "--model", model, "--data", data, "--out", At("s.json"), "--device", "cuda");
        SimulatedGpu.Reset();
    }

    /// <summary>Expects what <see cref="CliTest.Refused"/> does.</summary>
    private void RefusedOnGpus(string message, params string[] args)
    {
        var before = Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories);
        var (code, output, error) = OnGpus(args);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.StartsWith("faith: ", error, StringComparison.Ordinal);
        Assert.All(error.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries), line => Assert.StartsWith("faith: ", line, StringComparison.Ordinal));
        Assert.Empty(output);
        Assert.Equal(before, Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories));
    }
}
