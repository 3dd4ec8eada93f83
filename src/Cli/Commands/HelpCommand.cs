using System.CommandLine;
using Faith.Engine;

namespace Faith.Cli.Commands;

/// <summary>`faith help attribute`: the help of a command, as `faith attribute --help` shows it.</summary>
internal static class HelpCommand
{
    /// <param name="root">The command whose subcommands there is help for.</param>
    public static Command Create(Command root)
    {
        var words = new Argument<string[]>("command") { Description = "the command, as in faith help tasks show; unless given all commands are listed", Arity = ArgumentArity.ZeroOrMore, HelpName = "command" };
        var command = new FaithCommand("help", "Shows the help of a command.", "faith help attribute", "faith help tasks show") { words };
        command.SetAction(parse =>
        {
            var asked = root;
            var names = new List<string>();
            foreach (var word in parse.GetValue(words) ?? [])
            {
                var name = KnownNames.Find(word, asked.Subcommands.Select(c => c.Name)) ?? throw new InputException(ArgumentErrors.NoCommand(asked, word));
                names.Add(name);
                asked = asked.Subcommands.First(c => c.Name == name);
            }
            return root.Parse([.. names, "--help"]).Invoke(parse.InvocationConfiguration);
        });
        return command;
    }
}
