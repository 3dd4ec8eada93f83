using System.Text.RegularExpressions;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests;

/// <summary>What documents and comments point at is there: sections, links, files.</summary>
public sealed partial class DocumentsTests
{
    private static readonly string[] Pages = ["README.md", "bench/README.md", .. Documents.Files("docs", "*.md"), .. Documents.Files("weights", "*.md")];
    private static readonly string[] Repository = [.. new[] { "src", "tests", "bench", "docs", "weights" }.SelectMany(folder => Documents.Files(folder, "*"))];

    [Fact]
    public void SectionsOfTheMethodThatCommentsNameAreThere()
    {
        var page = Documents.Lines("docs/method.md");
        var (wrong, found) = (new List<string>(), 0);
        foreach (var path in Repository.Where(path => Path.GetExtension(path) is ".cs" or ".cu" or ".cuh"))
        {
            // A reference may go on in the next line of its comment.
            var text = string.Join(' ', Documents.Lines(path).Select(line => line.Trim().TrimStart('/').Trim()));
            foreach (Match reference in Reference().Matches(text))
            {
                found++;
                if (!reference.Groups["section"].Success) wrong.Add($"{path}: the method without a section");
                foreach (Capture section in reference.Groups["section"].Captures)
                {
                    var lines = page.SkipWhile(line => !line.StartsWith($"## {section.Value}. ", StringComparison.Ordinal)).ToArray();
                    if (lines.Length == 0) wrong.Add($"{path}: {reference.Value}: there is no section {section.Value}");
                    var inside = lines.Skip(1).TakeWhile(line => !line.StartsWith("## ", StringComparison.Ordinal)).ToArray();
                    wrong.AddRange(reference.Groups["item"].Captures.Where(item => !inside.Any(line => line.StartsWith($"{item.Value}. ", StringComparison.Ordinal)))
                        .Select(item => $"{path}: {reference.Value}: section {section.Value} has no item {item.Value}"));
                }
            }
        }
        Assert.True(found > 20, $"only {found} references were found");
        None(wrong);
    }

    [Fact]
    public void LinksLeadSomewhere()
    {
        var wrong = from page in Pages
                    from line in Documents.Lines(page)
                    from Match link in Link().Matches(line)
                    let file = link.Groups["file"].Value
                    let target = file.Length == 0 ? page : Path.Join(Path.GetDirectoryName(page), file)
                    let anchor = link.Groups["anchor"].Value
                    where !Documents.Exists(target) || anchor.Length > 0 && !Documents.Lines(target).Any(heading => Anchor(heading) == anchor)
                    select $"{page}: {link.Value}";
        None(wrong);
    }

    [Fact]
    public void FilesThatPagesNameAreThere()
    {
        var wrong = from page in Pages
                    from line in Documents.Lines(page)
                    from Match name in SourceFile().Matches(line)
                    where !Repository.Any(path => $"/{path}".EndsWith($"/{name.Value}", StringComparison.Ordinal))
                    select $"{page}: {name.Value}";
        None(wrong);
    }

    [Fact]
    public void EveryFolderHasARow()
    {
        var rows = Documents.Tables("docs/development.md").Single(table => table[0][0] == "folder").Skip(1).Select(row => row[0]).ToArray();
        None(rows.Where(row => !Documents.Exists(row)).Select(row => $"{row} is not there"));
        string[] folders = [.. Repository.Select(path => path.Split('/')).Where(parts => parts.Length > 2 && parts[0] is "src" or "tests").Select(parts => $"{parts[0]}/{parts[1]}")
            .Concat(Repository.Where(path => path.StartsWith("src/Engine/", StringComparison.Ordinal)).Select(path => path.Split('/')).Where(parts => parts.Length > 3).Select(parts => $"src/Engine/{parts[2]}"))];
        None(folders.Distinct().Except(rows).Select(folder => $"{folder} has no row"));
    }

    [Fact]
    public void EveryFamilyHasARow()
    {
        var rows = Documents.Tables("docs/models.md").First(table => table[0][0] == "model_type").Skip(1).Select(row => row[0]).ToArray();
        Assert.Equal(ModelFamily.ModelTypes.Order(), rows.Where(row => !row.StartsWith('-')).Order());
    }

    private static void None(IEnumerable<string> wrong)
    {
        string[] all = [.. wrong];
        Assert.True(all.Length == 0, string.Join('\n', all));
    }

    /// <summary>The anchor that GitHub gives a heading; null of other lines.</summary>
    private static string? Anchor(string line) => line.StartsWith('#')
        ? string.Concat(line.TrimStart('#').Trim().ToLowerInvariant().Where(c => char.IsLetterOrDigit(c) || c is '-' or '_' or ' ')).Replace(' ', '-')
        : null;

    [GeneratedRegex(@"(?<![/\w])method\.md(?:(?:,| and)? §(?<section>\d+))*(?:, consequences? (?<item>\d+)(?: and (?<item>\d+))*)?")]
    private static partial Regex Reference();

    [GeneratedRegex(@"\]\((?!\w+:)(?<file>[^)#\s]*)(?:#(?<anchor>[^)\s]+))?\)")]
    private static partial Regex Link();

    [GeneratedRegex(@"(?<![\w./…*-])[\w/-][\w./-]*\.(?:cs|cu|cuh|sh|py)\b(?!\()")]
    private static partial Regex SourceFile();
}
