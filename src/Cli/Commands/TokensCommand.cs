using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Experiments;

namespace Faith.Cli.Commands;

/// <summary>`faith tokens`: how a model reads text.</summary>
internal static class TokensCommand
{
    public static Command Create(CommandContext context)
    {
        var prompts = new PromptOptions(context);
        var command = new FaithCommand("tokens", "Shows the tokens of prompts: their ids and texts, and which of them is the begin token.",
            "faith tokens --model tasks-4l --prompt \"Ida and Leo went to the lake\"", "faith tokens --model ./gpt2 --data pairs.jsonl --examples 3");
        prompts.AddTo(command);
        command.SetAction(parse =>
        {
            using var model = prompts.LoadModel(parse);
            var examples = prompts.Read(parse, model);
            if (examples is not PromptSet data)
            {
                Table(context, model, null, examples[0].Clean);
                return;
            }
            for (var e = 0; e < data.Count; e++)
            {
                context.Cancellation.ThrowIfCancellationRequested();
                Table(context, model, $"example {e + 1}, clean", data[e].Clean);
                if (data[e].HasCorrupted) Table(context, model, $"example {e + 1}, corrupted", data[e].Corrupted);
                if (data[e].Answers.Length > 0) context.Output.WriteLine($"  answers: {List(model, data[e].Answers)}");
                if (data[e].Distractors.Length > 0) context.Output.WriteLine($"  distractors: {List(model, data[e].Distractors)}");
            }
            if (data.Doubt is { } doubt) context.Note($"{data.Name}, {doubt}");
        });
        return command;
    }

    /// <summary>A token as text in quotes; nothing where the model's tokenizer does not know it.</summary>
    public static string Text(LoadedModel model, int id) => model.Tokenizer is { } tokenizer && id < tokenizer.Count ? PlainText.Quote(tokenizer.TokenText(id)) : "";

    private static void Table(CommandContext context, LoadedModel model, string? title, int[] ids)
    {
        context.Output.WriteLine($"{(title is null ? "" : $"{title}: ")}{ids.Length} token{(ids.Length == 1 ? "" : "s")}");
        var begins = ids[0] == model.Tokenizer?.BeginToken;
        var table = new TextTable(">position", ">id", "token");
        for (var i = 0; i < ids.Length; i++) table.Add($"{i}", $"{ids[i]}", $"{Text(model, ids[i])}{(begins && i == 0 ? " (begin token)" : "")}");
        table.Write(context);
    }

    private static string List(LoadedModel model, int[] ids) => string.Join(", ", ids.Select(id => Text(model, id) is { Length: > 0 } text ? $"{id} {text}" : $"{id}"));
}
