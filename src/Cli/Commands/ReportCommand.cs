using System.CommandLine;
using Faith.Engine.Files;
using Faith.Engine.Reports;
using Faith.Engine.Sweeps;

namespace Faith.Cli.Commands;

/// <summary>`faith report`: results as one page to look around in.</summary>
internal static class ReportCommand
{
    private const int MostFiles = 10_000;

    public static Command Create(CommandContext context)
    {
        var sources = new FilesArgument("results", "DIR|FILE", "the folder of a sweep, of one of its cells or of a demo; files of scores, circuits (.json) and curves (.csv)", MostFiles);
        var output = new PathOption("--out", PathRole.Output, "the page, as .html", required: true);
        var command = new FaithCommand("report", "One page that opens without a network: curves, the circuit at any size, heads, edges and examples.",
            "faith report sweep --out report.html", "faith report scores.json curve.csv --out report.html", "faith report eap.json eap-ig.json --out report.html") { sources, output };
        command.SetAction(parse =>
        {
            var (paths, path) = (parse.GetRequiredValue(sources), parse.GetRequiredValue(output));
            var runs = ReportSource.Read(paths, context.Note);
            var names = string.Join(", ", paths.Take(3).Select(p => Path.GetFileName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(p)))));
            OutputFile.WriteText(path, ReportPage.Write($"Report on {names}{(paths.Length > 3 ? ", …" : "")}", runs));
            context.Output.WriteLine($"{path}: {(runs.Count == 1 ? "1 run" : $"{runs.Count} runs")}; a browser opens it");
        });
        return command;
    }
}
