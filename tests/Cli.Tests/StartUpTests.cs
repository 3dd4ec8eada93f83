using System.Diagnostics;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>What commands do not need: an assembly that takes a while to load is not loaded until it is.</summary>
public sealed class StartUpTests : ResultTest
{
    /// <summary>ILGPU takes a while to load: the program runs without its assembly until a GPU is asked for.</summary>
    [Fact]
    public void Commands_without_a_gpu_do_not_load_ilgpu()
    {
        var program = Without("ILGPU");
        Assert.Equal((0, ""), Run(program, "--help"));
        string[] command = ["attribute", "--model", Model("gpt2"), "--data", Write("data.jsonl", Data), "--out", At("scores.json")];
        Assert.Equal((0, ""), Run(program, [.. command, "--device", "cpu"]));
        if (NoGpu) Assert.Equal((0, ""), Run(program, command));
        // So that the test would notice: a GPU needs it.
        var refused = Run(program, [.. command, "--device", "opencl:0"]);
        Assert.NotEqual(0, refused.Code);
    }

    [Fact]
    public void Pictures_that_are_no_pdf_do_not_load_pdfpig()
    {
        var program = Without("UglyToad.PdfPig");
        Assert.Equal((0, ""), Run(program, "--help"));
        Assert.Equal((0, ""), Run(program, "draw", Write("c.json", DrawCommandTests.Circuit), "--out", At("c.svg")));
        Assert.NotEqual(0, Run(program, "draw", At("c.json"), "--out", At("c.pdf")).Code);
    }

    /// <summary>The program without the assemblies whose names begin so.</summary>
    private string Without(string assembly)
    {
        var folder = Directory.CreateDirectory(At("program")).FullName;
        foreach (var file in Directory.GetFiles(AppContext.BaseDirectory, "*.dll").Append(Path.Combine(AppContext.BaseDirectory, "faith.runtimeconfig.json")))
            if (!Path.GetFileName(file).StartsWith(assembly, StringComparison.Ordinal)) File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
        return Path.Combine(folder, "faith.dll");
    }

    private static (int Code, string Error) Run(string program, params string[] args)
    {
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, .. args]) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        process.OutputDataReceived += (_, _) => { };
        process.BeginOutputReadLine();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        return (process.ExitCode, error);
    }

    private static bool NoGpu => !File.Exists("/dev/nvidiactl") && !Directory.Exists("/dev/dri");
}
