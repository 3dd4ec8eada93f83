using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Hub;
using Faith.Engine.Passes;

namespace Faith.Cli.Commands;

/// <summary>`faith pull`: downloads a model or a data set, the only command that uses the network.</summary>
internal static class PullCommand
{
    public static Command Create(CommandContext context)
    {
        var model = new Argument<string?>("name") { Description = "a model: owner/name on the hub or a short name such as gpt2, and @revision", HelpName = "NAME", Arity = ArgumentArity.ZeroOrOne };
        var dataset = OptionKinds.Optional("--dataset", "NAME", "a data set in place of a model: owner/name, and @revision");
        var configuration = OptionKinds.Optional("--config", "C", "of a data set the files of one configuration; all unless given");
        var folder = new PathOption("--to", PathRole.Folder, "a folder for the files themselves; the Hugging Face cache unless given");
        var command = new FaithCommand("pull", "Downloads the files of a model or a data set that are needed, and goes on where an earlier run was stopped.",
            "faith pull gpt2", "faith pull EleutherAI/pythia-160m@step3000", "faith pull --dataset mib-bench/ioi", "faith pull openai-community/gpt2 --to ./gpt2")
        { model, dataset, configuration, folder };
        command.SetAction(parse =>
        {
            var (given, data, config) = (parse.GetValue(model), parse.GetValue(dataset), parse.GetValue(configuration));
            if (given is null == data is null) throw new InputException(given is null ? "faith pull needs the name of a model, or --dataset NAME" : "faith pull takes the name of a model or --dataset, not both");
            if (config is not null && data is null) throw new InputException("--config is of data sets; give --dataset NAME");
            var name = HubName.TryParse(given ?? data!, isDataset: data is not null)
                ?? throw new InputException($"{PlainText.Name(given ?? data!)} is not the name of a repository; such are owner/name, and owner/name@revision");
            context.WhenCancelled = "what has arrived is kept, and the same command goes on from there";
            var pull = new HubPull(HubSettings.OfEnvironment() with { Note = context.Note }, HubCache.OfEnvironment(), parse.GetValue(folder));
            var pulled = ProgressDisplay.Run(context, bars =>
            {
                var progress = bars is null ? null : new Bytes(bars);
                return (data is null ? pull.Model(name, progress, context.Cancellation) : pull.Dataset(name, config, progress, context.Cancellation)).GetAwaiter().GetResult();
            });
            var fetched = pulled.Fetched == pulled.Bytes ? "" : pulled.Fetched == 0 ? ", all of which was here" : $", {Figures.Bytes(pulled.Fetched)} of it fetched now";
            context.Output.WriteLine($"{name}: {pulled.Files} files of {Figures.Bytes(pulled.Bytes)}{fetched}, at commit {pulled.Commit}");
            context.Output.WriteLine(pulled.Folder);
        });
        return command;
    }

    // Bars count in megabytes.
    private sealed class Bytes(IProgress<RunProgress> bars) : IProgress<HubProgress>
    {
        private const int Megabyte = 1_000_000;

        public void Report(HubProgress value) => bars.Report(new((int)(value.Done / Megabyte), (int)Math.Max(1, value.Total / Megabyte), $"{PlainText.Short(value.File)} (MB)"));
    }
}
