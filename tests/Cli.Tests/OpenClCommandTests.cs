using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Whole commands with --device opencl, against the same with --device cpu.</summary>
public sealed class OpenClCommandTests : ResultTest
{
    [OpenClTheory]
    [InlineData("gpt2", "eap-ig")]
    [InlineData("llama", "eap-ig", "--metric", "kl", "--level", "neuron")]
    public void Attribute_writes_the_scores_of_the_cpu(string family, string method, params string[] more)
    {
        string[] command = ["attribute", "--model", Model(family), "--data", Write("data.jsonl", Data), "--method", method, .. more];
        string[] On(string device, string name) => [.. command, "--device", device, "--out", At($"{name}.json"), "--json", At($"{name}-result.json")];
        Done(On("cpu", "cpu"));
        // In a process of its own the kernels have the same names each time, by which OpenCL finds them compiled.
        var run = RunProcess(On("opencl:0", "opencl"));
        Assert.Equal((0, ""), (run.Code, run.Error));
        AssertSame("cpu.json", "opencl.json");
        AssertSame("cpu-result.json", "opencl-result.json");
        Assert.StartsWith("opencl:0 ", Json("opencl.json").GetProperty("run").GetProperty("device").GetString(), StringComparison.Ordinal);
    }

    [OpenClFact]
    public void Float16_weights_give_the_bytes_of_the_same_numbers_as_float32()
    {
        foreach (var numbers in (TinyModel.Numbers[])[TinyModel.Numbers.Half, TinyModel.Numbers.WidenedHalf])
        {
            var run = RunProcess("attribute", "--model", Model("gpt2", numbers), "--data", Write("data.jsonl", Data), "--method", "eap-ig", "--device", "opencl:0", "--out", At($"{numbers}.json"));
            Assert.Equal((0, ""), (run.Code, run.Error));
        }
        Assert.Equal(Scores("WidenedHalf.json"), Scores("Half.json"));
    }

    [OpenClFact]
    public void Devices_lists_it() => Assert.Matches(@"opencl:0\s+(yes|no)\s+\S", Done("devices"));
}
