using System.CommandLine;
using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Experiments;
using Faith.Engine.Passes;

namespace Faith.Cli.Commands;

/// <summary>`faith generate`: a continuation of a text, to see whether a model was read correctly.</summary>
internal static class GenerateCommand
{
    private const int MostTokens = 100_000;

    public static Command Create(CommandContext context)
    {
        var name = new PathOption("--model", PathRole.Model, "a directory in Hugging Face layout, or the name of a shipped model", required: true);
        var prompt = OptionKinds.Required("--prompt", "TEXT", "the text to continue");
        var tokens = OptionKinds.Integer("--tokens", "how many tokens at most", 40, 1, MostTokens);
        var device = new DeviceOptions(context);
        var command = new FaithCommand("generate", "Continues a text with the most likely tokens.",
            "faith generate --model tasks-4l --prompt \"When Ida and Leo went to the lake, Leo gave a map to\" --tokens 5")
        { name, prompt, tokens };
        device.AddTo(command);
        command.SetAction(parse =>
        {
            using var model = LoadedModel.Load(parse.GetRequiredValue(name));
            var tokenizer = model.Tokenizer ?? throw new InputException($"--model {model.Name}: the model has no tokenizer, so it cannot continue text");
            var text = parse.GetRequiredValue(prompt);
            var ids = tokenizer.EncodePrompt(text, context.Cancellation);
            if (ids.Length == 0) throw new InputException("--prompt is empty, and the model has no token that starts a text");
            if (ids.Length > model.Config.Context) throw new InputException($"--prompt has {ids.Length} tokens; the model's context holds {model.Config.Context}");
            var continued = ids.ToList();
            foreach (var id in TextGenerator.Continue(model.On(device.Read(parse)), ids, parse.GetValue(tokens)))
            {
                context.Cancellation.ThrowIfCancellationRequested();
                continued.Add(id);
            }
            // Decoded as a whole: a character may be spread over several tokens. The token that starts the text is not a part of it.
            context.Output.WriteText(tokenizer.Decode([.. continued.Skip(ids[0] == tokenizer.BeginToken ? 1 : 0)]));
            context.Output.WriteLine();
        });
        return command;
    }
}
