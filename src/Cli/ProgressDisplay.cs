using Faith.Engine.Passes;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Faith.Cli;

/// <summary>Progress bars with rate and remaining time on the error stream; nothing unless that is a terminal, and wide enough.</summary>
internal static class ProgressDisplay
{
    /// <summary>Runs <paramref name="work"/> with a bar for each of its phases.</summary>
    public static T Run<T>(CommandContext context, Func<IProgress<RunProgress>?, T> work)
    {
        if (!context.ShowsProgress) return work(null);
        var console = AnsiConsole.Create(new AnsiConsoleSettings { Out = new AnsiConsoleOutput(context.Error.Stream) });
        return console.Progress()
            .AutoClear(true)
            .Columns(new TaskDescriptionColumn(), new ProgressBarColumn(), new CountColumn(), new RateColumn(), new RemainingTimeColumn())
            .Start(bars =>
            {
                // Through the console that draws the bars, a line stands above them.
                context.WriteAbove = console.WriteLine;
                try
                {
                    return work(new Bars(bars));
                }
                finally
                {
                    context.WriteAbove = null;
                }
            });
    }

    /// <summary>One bar a phase, made when the phase is first heard of.</summary>
    private sealed class Bars(ProgressContext context) : IProgress<RunProgress>
    {
        private readonly Dictionary<string, ProgressTask> phases = [];

        public void Report(RunProgress value)
        {
            if (!phases.TryGetValue(value.Phase, out var bar)) phases[value.Phase] = bar = context.AddTask(Markup.Escape(value.Phase), maxValue: value.Total);
            if (value.Detail is { } detail) bar.Description = Markup.Escape($"{value.Phase}: {detail}");
            bar.MaxValue = value.Total;
            bar.Value = value.Done;
        }
    }

    private sealed class CountColumn : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text($"{task.Value:0}/{task.MaxValue:0}");
    }

    private sealed class RateColumn : ProgressColumn
    {
        public override IRenderable Render(RenderOptions options, ProgressTask task, TimeSpan deltaTime) =>
            new Text(task.Speed is { } speed ? $"{speed:0.0}/s" : "");
    }
}
