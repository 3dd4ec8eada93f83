using Faith.Cli;
using Xunit;

namespace Faith.Fuzz.Tests;

/// <summary>Runs the program in this process.</summary>
internal static class CommandRun
{
    /// <summary>The exit code and what was written as errors.</summary>
    public static (int Code, string Error) Run(params string[] args)
    {
        using var output = new StringWriter();
        using var error = new StringWriter();
        return (FaithProgram.Run(args, output, error), error.ToString());
    }

    /// <summary>Runs and expects success or refusal, in whole lines that a terminal may show. Returns the exit code.</summary>
    public static int Checked(params string[] args)
    {
        var (code, error) = Run(args);
        var what = $"{string.Join(' ', args)}: code {code}, {error}";
        Assert.True(code is 0 or 2, what);
        var lines = error.Split(Environment.NewLine, StringSplitOptions.RemoveEmptyEntries);
        Assert.True(code == 0 || lines.Length > 0, what);
        Assert.All(lines, line => Assert.True(line.StartsWith("faith: ", StringComparison.Ordinal) && line.Length <= 1000 && !line.Any(char.IsControl), what));
        Assert.DoesNotContain("internal error", error, StringComparison.Ordinal);
        return code;
    }
}
