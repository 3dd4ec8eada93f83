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
        var name = new PathOption("--model", PathRole.Model, "a directory in Hugging Face layout, or the name of a shipped model or of a repository in the cache (faith pull)", required: true);
        var prompt = OptionKinds.Required("--prompt", "TEXT", "the text to continue");
        var tokens = OptionKinds.Integer("--tokens", "how many tokens at most", 40, 1, MostTokens);
        var device = new DeviceOptions(context);
        var reading = new ReadingOptions(context);
        var command = new FaithCommand("generate", "Continues a text with the most likely tokens.",
            "faith generate --model tasks-4l --prompt \"When Ida and Leo went to the lake, Leo gave a map to\" --tokens 5")
        { name, prompt, tokens };
        reading.AddTo(command);
        device.AddTo(command);
        command.SetAction(parse =>
        {
            using var model = reading.LoadModel(parse, parse.GetRequiredValue(name));
            var ids = PromptOptions.Encode(model, parse.GetRequiredValue(prompt), context.Cancellation);
            var tokenizer = model.Tokenizer!;
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
