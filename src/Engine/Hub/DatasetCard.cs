using System.IO.Enumeration;
using System.Text;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;
using YamlDotNet.RepresentationModel;

namespace Faith.Engine.Hub;

/// <summary>
/// What the card of a data set, the README.md of its repository, says of its configurations: the YAML between lines of --- at its head has them under
/// configs, each with a config_name, and its files as data_files (patterns, by split or not) or data_dir. A card that cannot be read says nothing.
/// </summary>
internal sealed class DatasetCard
{
    /// <summary>The card's name in a repository.</summary>
    internal const string FileName = "README.md";
    private const int Deepest = 16, MostPatterns = 1000, MostParts = 256;
    private const string Fence = "---", AnyFolders = "**";

    private readonly Dictionary<string, string[]> patterns = new(StringComparer.Ordinal);

    private DatasetCard() { }

    /// <summary>The configurations, in the order of the card.</summary>
    internal IReadOnlyCollection<string> Names => patterns.Keys;

    /// <summary>Reads a card.</summary>
    internal static DatasetCard Read(byte[] markdown)
    {
        var card = new DatasetCard();
        var lines = Encoding.UTF8.GetString(markdown).TrimStart('\uFEFF').Split('\n').Select(line => line.TrimEnd('\r', ' ')).ToArray();
        var end = Array.IndexOf(lines, Fence, 1 <= lines.Length ? 1 : 0);
        if (lines[0] != Fence || end < 0) return card;
        var text = string.Join('\n', lines[1..end]);
        try
        {
            if (!IsPlainTree(text)) return card;
            var yaml = new YamlStream();
            yaml.Load(new StringReader(text));
            if (yaml.Documents is [{ RootNode: YamlMappingNode root }, ..] && Find(root, "configs") is YamlSequenceNode configurations) card.Take(configurations);
        }
        // The scanner lets the others out of what it was not written for.
        catch (Exception e) when (e is YamlException or InvalidOperationException or ArgumentException or IndexOutOfRangeException or FormatException or OverflowException or NullReferenceException)
        {
            card.patterns.Clear();
        }
        return card;
    }

    /// <summary>The files of a configuration among those of the repository; null where the card does not know it.</summary>
    internal IReadOnlyList<string>? FilesOf(string configuration, IReadOnlyList<string> all)
    {
        if (!patterns.TryGetValue(configuration, out var globs)) return null;
        string[][] wanted = [.. globs.Take(MostPatterns).Select(Parts).Where(parts => parts.Length <= MostParts)];
        return [.. all.Where(path => path.Split('/') is var parts && wanted.Any(pattern => Matches(pattern, parts)))];
    }

    // What is nested without end is not loaded, which would take a stack as deep; nor what refers back, whose nodes can hold themselves or stand for very many.
    private static bool IsPlainTree(string text)
    {
        var (parser, depth) = (new Parser(new StringReader(text)), 0);
        while (parser.MoveNext())
        {
            if (parser.Current is AnchorAlias) return false;
            depth += parser.Current is MappingStart or SequenceStart ? 1 : parser.Current is MappingEnd or SequenceEnd ? -1 : 0;
            if (depth > Deepest) return false;
        }
        return true;
    }

    private void Take(YamlSequenceNode configurations)
    {
        foreach (var configuration in configurations.Children.OfType<YamlMappingNode>())
        {
            var folder = Text(Find(configuration, "data_dir")) is { Length: > 0 } named ? $"{named}/" : "";
            string[] files = [.. Files(Find(configuration, "data_files")).Select(file => folder + file)];
            if (files.Length == 0 && folder.Length > 0) files = [$"{folder}**"];
            if (files.Length > 0) patterns[Text(Find(configuration, "config_name")) ?? "default"] = files;
        }
    }

    // A pattern, a list of them, or a list of splits with the path of each.
    private static IEnumerable<string> Files(YamlNode? node) => node switch
    {
        YamlScalarNode { Value: { } pattern } => [pattern],
        YamlSequenceNode list => list.Children.SelectMany(Files),
        YamlMappingNode map when Find(map, "path") is { } path => Files(path),
        YamlMappingNode map => map.Children.Values.SelectMany(Files),
        _ => [],
    };

    private static YamlNode? Find(YamlMappingNode map, string key) => map.Children.FirstOrDefault(pair => Text(pair.Key) == key).Value;

    private static string? Text(YamlNode? node) => (node as YamlScalarNode)?.Value;

    // The repository itself is all that is in it.
    private static string[] Parts(string pattern) => pattern.Split('/').Where(part => part is not ("" or ".")).ToArray() is { Length: > 0 } parts ? parts : [AnyFolders];

    // * stays within a folder, a part of ** does not; a folder stands for all that is in it.
    private static bool Matches(string[] pattern, string[] path)
    {
        // Which beginnings of the pattern the path so far can be.
        var at = new bool[pattern.Length + 1];
        at[0] = true;
        foreach (var part in path)
        {
            if (at[^1] && pattern[^1].AsSpan().IndexOfAny('*', '?') < 0) return true;
            var next = new bool[at.Length];
            for (var i = 0; i < pattern.Length; i++)
            {
                if (pattern[i] == AnyFolders) at[i + 1] |= at[i];
                if (!at[i]) continue;
                if (pattern[i] == AnyFolders) next[i] = true;
                else next[i + 1] |= FileSystemName.MatchesSimpleExpression(pattern[i], part, ignoreCase: false);
            }
            at = next;
        }
        return at[^1] || (pattern[^1] == AnyFolders && at[^2]);
    }
}
