using System.CommandLine;
using System.Globalization;

namespace Faith.Cli;

/// <summary>`--edges 30,50,…`, `--nodes …`, `--neurons …`: sizes of circuits.</summary>
internal static class SizesOption
{
    /// <summary>The option; its value ascends without repetitions, and is null or empty when left out.</summary>
    public static Option<int[]> Create(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "30,50,…",
        Arity = ArgumentArity.ExactlyOne,
        CustomParser = result =>
        {
            var counts = new SortedSet<int>();
            foreach (var part in result.Tokens[0].Value.Split(','))
            {
                if (int.TryParse(part.Trim(), NumberStyles.None, CultureInfo.InvariantCulture, out var count)) counts.Add(count);
                else result.AddError($"{name} must be whole numbers separated by commas, not {OptionKinds.Shown(result.Tokens[0].Value)}");
            }
            return [.. counts];
        },
    };
}
