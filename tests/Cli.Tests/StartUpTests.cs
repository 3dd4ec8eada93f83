using System.Diagnostics;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What a command that uses no GPU does not need.</summary>
public sealed class StartUpTests : ResultTest
{
    /// <summary>ILGPU takes a while to load: the program runs without its assembly until a GPU is asked for.</summary>
    [Fact]
    public void Commands_without_a_gpu_do_not_load_ilgpu()
    {
        var folder = Directory.CreateDirectory(At("program")).FullName;
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Append(Path.Combine(AppContext.BaseDirectory, "faith.runtimeconfig.json")))
            if (Path.GetFileName(file) != "ILGPU.dll") File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        (int Code, string Error) Run(params string[] args)
        {
            using var process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(folder, "faith.dll"), .. args]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
            process.OutputDataReceived += (_, _) => { };
            process.BeginOutputReadLine();
            var error = process.StandardError.ReadToEnd();
            process.WaitForExit();
            return (process.ExitCode, error);
        }
        Assert.Equal((0, ""), Run("--help"));
        string[] command = ["attribute", "--model", Model("gpt2"), "--data", Write("data.jsonl", Data), "--out", At("scores.json")];
        Assert.Equal((0, ""), Run([.. command, "--device", "cpu"]));
        if (NoGpu) Assert.Equal((0, ""), Run(command));
        // So that the test would notice: a GPU needs it.
        var refused = Run([.. command, "--device", "opencl:0"]);
        Assert.NotEqual(0, refused.Code);
    }

    private static bool NoGpu => !File.Exists("/dev/nvidiactl") && !Directory.Exists("/dev/dri");
}
