using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Faith.Engine;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Files;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.Reports;
using Faith.Engine.Sweeps;
using Faith.Kernels.Host;

namespace Faith.Cli.Commands;

/// <summary>`faith sweep`: a study of many runs, on one machine or on many.</summary>
internal static class SweepCommand
{
    private const int MostTasks = 10_000, UsualTasks = 16;
    private const double Mebibyte = 1 << 20;
    private const string TableEndings = "a row a cell and size, as .csv or .parquet; or .md, with CPR, CMD and acc-AUC of every cell";

    public static Command Create(CommandContext context) => new FaithCommand("sweep", "Studies of many runs: planned as a list of cells, run by any number of processes on a shared folder, merged into one table.",
        "faith sweep plan study.yaml --out sweep", "faith sweep run sweep", "faith sweep status sweep", "faith sweep slurm sweep --tasks 8 > job.sbatch", "faith sweep merge sweep --out results.csv")
    {
        Plan(context), Run(context), Status(context), Slurm(context), Merge(context),
    };

    private static FaithCommand Plan(CommandContext context)
    {
        var study = new FilesArgument("study", "STUDY.yaml", "the study: lists of models, data, methods and other settings", 1);
        var output = new PathOption("--out", PathRole.Folder, "the folder of the sweep", required: true);
        var command = new FaithCommand("plan", "Writes the cells of a study, each with its id, and says what they will take.", "faith sweep plan study.yaml --out sweep") { study, output };
        command.SetAction(parse =>
        {
            var (path, folder) = (parse.GetRequiredValue(study)[0], parse.GetRequiredValue(output));
            var planned = Planned(context, path, folder);
            var cells = planned.Cells;
            var peak = PeakProbe.MeasureGflops(Environment.ProcessorCount);
            var table = new TextTable("model", "method", ">cells", ">GFLOP", ">seconds", ">of a cell", ">MiB");
            foreach (var group in cells.GroupBy(c => (c.Run.Model, c.Run.Scoring.Method)))
            {
                var isCounted = group.All(c => c.Gflop is not null);
                table.Add(group.Key.Model, group.Key.Method, $"{group.Count()}", isCounted ? Figures.Short(group.Sum(c => c.Gflop!.Value)) : "not counted",
                    isCounted ? Figures.Fixed(group.Sum(c => c.Gflop!.Value) / peak, 2) : Figures.None, isCounted ? Figures.Fixed(group.Max(c => c.Gflop!.Value) / peak, 3) : Figures.None,
                    group.Max(c => c.Bytes) is { } bytes ? (bytes / Mebibyte).ToString("#,0", CultureInfo.InvariantCulture) : "not planned");
            }
            table.Write(context);
            var counted = cells.Sum(c => c.Gflop ?? 0);
            if (counted > 0) context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"what is counted takes {Time(counted / peak)} or more on this CPU ({peak:0} GFLOP/s at most, by which the seconds above are counted); faith sweep status says more once a cell is done"));
            context.Output.WriteLine($"{Path.Combine(folder, SweepFolder.ManifestFile)}: {Count(cells.Count)}, {cells.Count(planned.IsDone)} of them done; faith sweep run {folder} makes the others");
        });
        return command;
    }

    /// <summary>Plans a study into a folder.</summary>
    private static SweepFolder Planned(CommandContext context, string path, string folder)
    {
        var study = Study.Read(path);
        var cells = SweepPlanner.Plan(study, path, context.Note, context.Cancellation);
        var copy = File.ReadAllBytes(path);
        OutputFolder.Make(folder);
        OutputFile.WriteInFolder(folder, new Output("study.yaml", stream => stream.Write(copy)), new Output(SweepFolder.ManifestFile, stream => stream.Write(Manifest.Write(cells))));
        foreach (var doubt in study.Doubts) context.Note(doubt);
        var planned = SweepFolder.Open(folder);
        if (planned.Strangers() is { Count: > 0 } others) context.Note($"{folder}: {others.Count} cells there are of another plan; faith sweep merge leaves them out");
        return planned;
    }

    private static FaithCommand Run(CommandContext context)
    {
        var folder = Folder("the folder of a sweep, made by faith sweep plan; or a study, which is planned first");
        var output = new PathOption("--out", PathRole.Folder, "with a study: the folder of the sweep");
        var table = new PathOption("--table", PathRole.Output, $"in the end, a table of all cells that are done, as faith sweep merge writes it: {TableEndings}");
        var shard = new Option<string?>("--shard") { Description = "only part i of n, as 0/4; i counts from 0 or from 1 (4/4 is 0/4)", HelpName = "i/n" };
        var only = OptionKinds.Optional("--cells", "id,…", "only these cells; the beginning of an id will do");
        var device = new DeviceOptions(context);
        var command = new FaithCommand("run", "Runs the cells that are not done. Several processes may run one sweep; what is done stays done.",
            "faith sweep run sweep", "faith sweep run sweep --shard 0/4 --device cuda", "faith sweep run sweep --cells 3f9a",
            "faith sweep run study.yaml --out sweep --table measures.md") { folder, output, table, shard, only };
        device.AddTo(command);
        command.Validators.Add(result => RequireTable(result, table));
        command.SetAction(parse =>
        {
            var (source, planned) = (parse.GetRequiredValue(folder), parse.GetValue(output));
            var isStudy = File.Exists(source);
            if (isStudy && planned is null) throw new InputException($"{source}: is a file; of a study give the folder of the sweep too: --out DIR");
            if (!isStudy && planned is not null) throw new InputException($"--out {planned}: goes with a study, and {source} is {(Directory.Exists(source) ? "a folder: leave --out out" : "no file")}");
            var sweep = isStudy ? Planned(context, source, planned!) : SweepFolder.Open(source);
            var cells = parse.GetValue(shard) is { } part ? ParseShard(part).Of(sweep.Cells) : sweep.Cells;
            if (parse.GetValue(only) is { } ids) cells = Named(sweep, cells, ids);
            var runner = new SweepRunner(sweep, device.Read(parse), context.Note);
            var said = new HashSet<(string, string, MetricKind)>();
            var outcome = ProgressDisplay.Run(context, progress => runner.Run(cells, (cell, place) => context.Say($"{place + 1}/{cells.Count} {cell.Id} {cell.Label}"), Summarise, progress, context.Cancellation));
            var others = $"{(outcome.Elsewhere > 0 ? $", {outcome.Elsewhere} run by other processes" : "")}";
            context.Output.WriteLine($"{sweep.Folder}: {Count(outcome.Ran)} made, {outcome.DoneBefore} done before{others}, {outcome.Failed.Count} failed");
            if (parse.GetValue(table) is { } tablePath && (outcome.Failed.Count == 0 || sweep.Cells.Any(sweep.IsDone))) WriteTable(context, sweep, tablePath, null);
            if (outcome.Failed.Count == 0) return 0;
            context.Error.WriteLine($"faith: {outcome.Failed.Count} of {Count(cells.Count)} failed; faith sweep status {sweep.Folder} lists them, and faith sweep run tries them again");
            return outcome.Failed.Any(f => f.Failure.IsFault) ? FaithProgram.Fault : FaithProgram.BadInput;

            // Of every model and data once, however many samples and methods there are.
            void Summarise(LoadedRun run, Transformer model, Faithfulness result)
            {
                var metric = run.Specification.Scoring.Metric;
                if (said.Add((run.Model.Hash, run.Specification.Data, metric))) DataSummary.Write(context, run.Model, model, run.Measured, metric, result.Clean, result.Corrupted);
            }
        });
        return command;
    }

    private static FaithCommand Status(CommandContext context)
    {
        var folder = Folder();
        var command = new FaithCommand("status", "How far a sweep is: cells that are done, running, failed (with the line) and left.", "faith sweep status sweep") { folder };
        command.SetAction(parse =>
        {
            var sweep = SweepFolder.Open(parse.GetRequiredValue(folder));
            var status = SweepStatus.Of(sweep);
            foreach (var (cell, _) in status.Cells.Where(c => c.State == CellState.Running))
            {
                var holder = sweep.Claims.HolderOf(cell.Id)?.Process;
                context.Output.WriteLine($"running {cell.Id} {cell.Label}{(holder is { } process ? $": process {process.Process} on {PlainText.Short(process.Host)}" : "")}");
            }
            foreach (var (cell, _) in status.Cells.Where(c => c.State == CellState.Failed)) context.Output.WriteLine($"failed  {cell.Id} {cell.Label}: {PlainText.Line(sweep.FailureOf(cell)?.Message ?? "")}");
            var counts = string.Join(", ", ((CellState[])[CellState.Done, CellState.Running, CellState.Failed, CellState.Left]).Select(s => $"{status.Cells.Count(c => c.State == s)} {s.ToString().ToLowerInvariant()}"));
            context.Output.WriteLine($"{sweep.Folder}: {Count(status.Cells.Count)}: {counts}");
            if (status.SecondsLeft is > 0 and var seconds) context.Output.WriteLine($"one process would take about {Time(seconds)} more, by what the others took");
        });
        return command;
    }

    private static FaithCommand Slurm(CommandContext context)
    {
        var folder = Folder();
        var tasks = OptionKinds.OptionalInteger("--tasks", $"tasks of the array; as many as cells unless given, and at most {UsualTasks}", 1, MostTasks);
        var gpus = OptionKinds.Integer("--gpus", "GPUs of a task", 0, 0, 64);
        var cpus = OptionKinds.OptionalInteger("--cpus", "CPUs of a task", 1, 4096);
        var memory = OptionKinds.OptionalInteger("--memory-of-task", "GiB of memory of a task", 1, 1 << 20);
        var time = Checked("--time", "h:mm:ss", "most wall time of a task", SlurmForms.IsTime, "a time as Slurm takes it: minutes, 4:00:00 or 1-12:00:00");
        var partition = Checked("--partition", "P", "the partition", SlurmForms.IsName, "names of letters, digits, '-', '_' and '.', with commas");
        var command = new FaithCommand("slurm", "A job-array script for Slurm, on the standard output: every task runs one part of the sweep.",
            "faith sweep slurm sweep > job.sbatch", "faith sweep slurm sweep --tasks 8 --gpus 1 --time 4:00:00 --partition gpu | sbatch") { folder, tasks, gpus, cpus, memory, time, partition };
        command.SetAction(parse =>
        {
            var sweep = SweepFolder.Open(parse.GetRequiredValue(folder));
            var script = new SlurmScript(ThisProgram(), Path.GetFullPath(sweep.Folder), parse.GetValue(tasks) ?? Math.Min(sweep.Cells.Count, UsualTasks))
            {
                Gpus = parse.GetValue(gpus), Cpus = parse.GetValue(cpus), MemoryMebibytes = parse.GetValue(memory) * 1024L, Time = parse.GetValue(time), Partition = parse.GetValue(partition),
            };
            var text = script.ToText();
            // The output escapes them, and the script would name another folder.
            if (PlainText.Lines(text) != text) throw new InputException($"{sweep.Folder}: its path, or that of the program, has control characters, which no script should hold; give the folder another name");
            context.Output.WriteText(text);
        });
        return command;
    }

    private static FaithCommand Merge(CommandContext context)
    {
        var folder = Folder();
        var output = new PathOption("--out", PathRole.Output, $"the table: {TableEndings}", required: true);
        var report = new PathOption("--report", PathRole.Output, "a page with curves, circuits, edges and examples of all cells, as .html");
        var command = new FaithCommand("merge", "One table of all cells that are done. Cells of other versions, models or data are refused.",
            "faith sweep merge sweep --out results.csv", "faith sweep merge sweep --out results.parquet --report report.html") { folder, output, report };
        command.Validators.Add(result => RequireTable(result, output));
        command.SetAction(parse => WriteTable(context, SweepFolder.Open(parse.GetRequiredValue(folder)), parse.GetRequiredValue(output), parse.GetValue(report)));
        return command;
    }

    private static void RequireTable(CommandResult result, PathOption option)
    {
        if (result.GetValue(option) is { } path && !SweepMerge.Extensions.Contains(Path.GetExtension(path).ToLowerInvariant())) result.AddError($"{option.Name} {path}: a table is a file that ends in {string.Join(", ", SweepMerge.Extensions.SkipLast(1))} or {SweepMerge.Extensions[^1]}");
    }

    /// <summary>Writes one table of all cells that are done, and maybe a report beside it.</summary>
    private static void WriteTable(CommandContext context, SweepFolder sweep, string path, string? report)
    {
        var rows = SweepMerge.Read(sweep, context.Cancellation);
        Output[] page = report is null ? [] : [Output.Text(report, ReportPage.Write($"sweep {Path.GetFileName(Path.GetFullPath(sweep.Folder))}", SweepReport.Of(sweep, [.. sweep.Cells.Where(sweep.IsDone)], context.Note)))];
        OutputFile.WriteTogether([SweepMerge.ToOutput(path, rows), .. page]);
        var missing = sweep.Cells.Count(c => !sweep.IsDone(c));
        if (missing > 0) context.Note($"{missing} of {Count(sweep.Cells.Count)} are not done and not in the table; faith sweep run {sweep.Folder} makes them");
        context.Output.WriteLine($"{path}: {rows.Count} rows of {Count(rows.Select(r => r.Cell.Id).Distinct().Count())}");
    }

    private static Argument<string> Folder(string description = "the folder of a sweep, made by faith sweep plan")
    {
        var folder = new Argument<string>("folder") { Description = description, HelpName = "DIR" };
        folder.Validators.Add(result => PathRules.RefuseEmpty(result, result.Tokens, "folder"));
        return folder;
    }

    private static Option<string?> Checked(string name, string help, string description, Func<string, bool> accepts, string rule)
    {
        var option = OptionKinds.Optional(name, help, description);
        option.Validators.Add(result =>
        {
            if (result.Tokens is [var token] && !accepts(token.Value)) result.AddError($"{name} must be {rule}, not {OptionKinds.Shown(token.Value)}");
        });
        return option;
    }

    private static SweepShard ParseShard(string text)
    {
        var parts = text.Split('/');
        return parts.Length == 2 && Number(parts[0]) is { } index && Number(parts[1]) is { } count and > 0 && index <= count ? new(index, count)
            : throw new InputException($"--shard must be i/n with i from 0 to n, as 0/4, not {PlainText.Short(text)}");

        static int? Number(string digits) => int.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var value) ? value : null;
    }

    private static SweepCell[] Named(SweepFolder sweep, IReadOnlyList<SweepCell> cells, string ids)
    {
        var named = new HashSet<string>(StringComparer.Ordinal);
        foreach (var id in ids.Split(',', StringSplitOptions.TrimEntries))
        {
            string[] found = [.. sweep.Cells.Where(c => id.Length > 0 && c.Id.StartsWith(id, StringComparison.Ordinal)).Select(c => c.Id)];
            if (found.Length != 1) throw new InputException($"--cells {PlainText.Short(id)}: {(found.Length == 0 ? "no cell has such an id" : $"{found.Length} cells have an id that begins so")}; {SweepFolder.ManifestFile} lists them");
            named.Add(found[0]);
        }
        return [.. cells.Where(c => named.Contains(c.Id))];
    }

    // Through dotnet where the program was started so.
    private static string[] ThisProgram()
    {
        var program = Environment.ProcessPath ?? "faith";
        return Path.GetFileNameWithoutExtension(program) == "dotnet" ? [program, Path.Combine(AppContext.BaseDirectory, "faith.dll")] : [program];
    }

    private static string Count(int cells) => cells == 1 ? "1 cell" : $"{cells} cells";

    private static string Time(double seconds) => seconds switch
    {
        < 60 => string.Create(CultureInfo.InvariantCulture, $"{Math.Max(seconds, 0.1):0.0} s"),
        < 3600 => string.Create(CultureInfo.InvariantCulture, $"{seconds / 60:0.0} minutes"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{seconds / 3600:#,0.0} hours"),
    };
}
