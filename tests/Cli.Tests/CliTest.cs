using System.Diagnostics;
using Faith.Kernels.Gpu;
using Xunit;

namespace Faith.Cli.Tests;

/// <summary>Runs the program in a folder of its own.</summary>
public abstract class CliTest : IDisposable
{
    protected string Folder { get; } = Directory.CreateTempSubdirectory("faith-cli-").FullName;

    public void Dispose()
    {
        Directory.Delete(Folder, recursive: true);
        GC.SuppressFinalize(this);
    }

    /// <summary>The GPUs of a machine without NVIDIA's driver. ILGPU has one driver a process, and in this one it is the simulated one, whose tests run one after another.</summary>
    internal static GpuProbes WithoutCuda { get; } = new(SimulatedCuda.None);

    protected string At(string name) => Path.Combine(Folder, name);

    protected string Write(string name, string content)
    {
        File.WriteAllText(At(name), content);
        return At(name);
    }

    /// <summary>Runs the program in this process.</summary>
    protected static Outcome Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        var code = FaithProgram.Run(args, new CommandContext(output, error, false, false, CancellationToken.None) { Gpus = WithoutCuda });
        return new(code, output.ToString(), error.ToString());
    }

    /// <summary>Environment variables of the processes that run the program.</summary>
    protected Dictionary<string, string> Variables { get; } = [];

    /// <summary>What starts the program, in front of its path.</summary>
    protected string[] Launcher { get; set; } = ["dotnet"];

    /// <summary>Starts the program as a process of its own.</summary>
    protected Process Start(params string[] args)
    {
        var start = new ProcessStartInfo(Launcher[0], [.. Launcher.Skip(1), Path.Combine(AppContext.BaseDirectory, "faith.dll"), .. args])
        {
            RedirectStandardOutput = true, RedirectStandardError = true, WorkingDirectory = Folder,
        };
        foreach (var (name, value) in Variables) start.Environment[name] = value;
        return Process.Start(start)!;
    }

    /// <summary>Runs the program as a process of its own.</summary>
    protected Outcome RunProcess(params string[] args)
    {
        using var process = Start(args);
        var error = process.StandardError.ReadToEndAsync();
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        return new(process.ExitCode, output, error.GetAwaiter().GetResult());
    }

    /// <summary>Runs the program and expects it to succeed.</summary>
    protected static string Done(params string[] args)
    {
        var (code, output, error) = Run(args);
        Assert.True(code == 0, error);
        Assert.Empty(error);
        return output;
    }

    /// <summary>Runs the program and expects it to refuse: code 2, one line that contains <paramref name="message"/>, no output, no new file.</summary>
    protected void Refused(string message, params string[] args)
    {
        var before = Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories);
        var (code, output, error) = Run(args);
        Assert.Contains(message, error, StringComparison.Ordinal);
        Assert.Equal(FaithProgram.BadInput, code);
        Assert.StartsWith("faith: ", error, StringComparison.Ordinal);
        Assert.Equal(error.Length - Environment.NewLine.Length, error.IndexOf(Environment.NewLine, StringComparison.Ordinal));
        Assert.Empty(output);
        Assert.Equal(before, Directory.GetFileSystemEntries(Folder, "*", SearchOption.AllDirectories));
    }
}
