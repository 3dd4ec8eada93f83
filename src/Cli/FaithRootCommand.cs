using System.CommandLine;
using System.CommandLine.Help;

namespace Faith.Cli;

/// <summary>`faith` itself: the commands, and help that ends in examples.</summary>
internal sealed class FaithRootCommand : RootCommand
{
    private static readonly string[] Examples =
    [
        "faith demo",
        "faith attribute --model tasks-4l --data ioi --out scores.json",
        "faith circuit --scores scores.json --edges 100 --out circuit.json",
        "faith evaluate --model tasks-4l --data ioi --circuit circuit.json",
    ];

    /// <param name="width">Columns of the terminal, or null for lines of any length.</param>
    public FaithRootCommand(int? width) : base("Finds circuits in transformer language models by edge attribution patching (EAP, EAP-IG) and measures how faithful they are.")
    {
        var help = Options.OfType<HelpOption>().Single();
        var usual = (HelpAction)help.Action!;
        usual.MaxWidth = width ?? int.MaxValue;
        var action = new ExamplesHelpAction(usual, Examples, width);
        help.Action = action;
        // Without a command there is nothing to do but to say what there is.
        SetAction(parse => action.Invoke(parse));
    }
}
