using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Passes;

namespace Faith.Cli.Commands;

/// <summary>`faith logits`: what a model says after prompts.</summary>
internal static class LogitsCommand
{
    public static Command Create(CommandContext context)
    {
        var prompts = new PromptOptions(context);
        var top = OptionKinds.Integer("--top", "how many of the most likely tokens are shown, of the first example", 10, 1, 1000);
        var json = new PathOption("--json", PathRole.Output, "all logits at the last position of every prompt");
        var device = new DeviceOptions(context);
        var command = new FaithCommand("logits", "Shows the most likely tokens after a prompt, and writes the logits of all.",
            "faith logits --model tasks-4l --prompt \"When Ida and Leo went to the lake, Leo gave a map to\"",
            "faith logits --model ./gpt2 --data pairs.jsonl --examples 5 --top 20 --json logits.json");
        prompts.AddTo(command);
        command.Add(top);
        command.Add(json);
        device.AddTo(command);
        command.SetAction(parse =>
        {
            using var model = prompts.LoadModel(parse);
            var examples = prompts.Read(parse, model);
            var choice = device.Read(parse);
            var transformer = model.On(choice);
            var shown = new float[examples[0].HasCorrupted ? 2 : 1][];
            // The table needs the first example alone.
            var all = parse.GetValue(json) is null ? [examples[0]] : examples;
            (int Example, bool IsCorrupted)[] places = [.. Enumerable.Range(0, all.Count).SelectMany(e => all[e].HasCorrupted ? [(e, false), (e, true)] : new[] { (e, false) })];
            int[] Ids(int prompt) => places[prompt].IsCorrupted ? all[places[prompt].Example].Corrupted : all[places[prompt].Example].Clean;
            string Called(int prompt) => examples is PromptSet ? $"example {places[prompt].Example + 1}, {(places[prompt].IsCorrupted ? "corrupted" : "clean")}" : "the prompt";
            void Run(Action<int, float[]> done) => ProgressDisplay.Run(context, progress =>
            {
                PromptLogits.Run(transformer, [.. places.Select((_, i) => Ids(i))], (prompt, logits) =>
                {
                    if (prompt < shown.Length) shown[prompt] = [.. logits];
                    done(prompt, logits);
                }, choice.MemoryBytes, Called, progress, context.Cancellation);
                return true;
            });

            if (parse.GetValue(json) is { } path) JsonFile.Write(path, writer => Members(writer, model.Config.Vocabulary, all.Count, places, Ids, Run), indented: false);
            else Run((_, _) => { });
            for (var i = 0; i < shown.Length; i++) Table(context, model, parse.GetValue(top), examples is PromptSet ? i == 0 ? "clean" : "corrupted" : null, shown[i]);
            if (examples is not PromptSet data) return;
            if (data.Count > 1) context.Output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"these are of the first of {data.Count:#,0} examples{(parse.GetValue(json) is null ? "; --json has the logits of all" : "")}"));
            DataSummary.Write(context, model, transformer, data);
        });
        return command;
    }

    // Written as they are computed: the logits of all prompts together may not fit in memory.
    private static void Members(Utf8JsonWriter json, int vocabulary, int examples, (int Example, bool IsCorrupted)[] places, Func<int, int[]> ids, Action<Action<int, float[]>> run)
    {
        json.WriteNumber("vocabulary", vocabulary);
        json.WriteStartArray("examples");
        run((prompt, logits) =>
        {
            if (!places[prompt].IsCorrupted) json.WriteStartObject();
            json.WriteStartObject(places[prompt].IsCorrupted ? "corrupted" : "clean");
            json.WriteStartArray("tokens");
            foreach (var id in ids(prompt)) json.WriteNumberValue(id);
            json.WriteEndArray();
            json.WriteStartArray("logits");
            foreach (var logit in logits) json.WriteNumberValue(logit);
            json.WriteEndArray();
            json.WriteEndObject();
            if (prompt + 1 == places.Length || !places[prompt + 1].IsCorrupted) json.WriteEndObject();
            json.Flush();
        });
        json.WriteEndArray();
    }

    private static void Table(CommandContext context, LoadedModel model, int top, string? title, float[] logits)
    {
        if (title is not null) context.Output.WriteLine($"{title}:");
        var largest = logits.Max();
        var sum = logits.Sum(logit => Math.Exp((double)logit - largest));
        var table = new TextTable(">rank", ">id", "token", ">logit", ">probability");
        var rank = 0;
        foreach (var id in Enumerable.Range(0, logits.Length).OrderByDescending(id => logits[id]).Take(top))
        {
            table.Add($"{++rank}", $"{id}", TokensCommand.Text(model, id), Figures.Fixed(logits[id]), Figures.Percent(Math.Exp((double)logits[id] - largest) / sum, 2));
        }
        table.Write(context);
    }
}
