using Faith.Engine.Graphs;
using Xunit;

namespace Faith.Engine.Tests.Architecture;

/// <summary>References between the namespaces of the engine point one way: from later in the list to earlier.</summary>
public sealed class DirectionTests
{
    // The lowest first. A namespace knows those before it and none of those after it; a new one needs a place here.
    private static readonly string[] Order =
    [
        "Faith.Engine",
        "Faith.Engine.Files",
        "Faith.Engine.Graphs",
        "Faith.Engine.Pickles",
        "Faith.Engine.Hub",
        "Faith.Engine.Models",
        "Faith.Engine.Tokenizers",
        "Faith.Engine.Data",
        "Faith.Engine.Tasks",
        "Faith.Engine.Passes",
        "Faith.Engine.Metrics",
        "Faith.Engine.Ablations",
        "Faith.Engine.Circuits",
        "Faith.Engine.Masks",
        "Faith.Engine.Attribution",
        "Faith.Engine.Compatibility",
        "Faith.Engine.KnownCircuits",
        "Faith.Engine.Statistics",
        "Faith.Engine.Planning",
        "Faith.Engine.ScoreFiles",
        "Faith.Engine.Experiments",
        "Faith.Engine.Mib",
        "Faith.Engine.Reports",
        "Faith.Engine.Sweeps",
    ];

    [Fact]
    public void EveryNamespaceHasAPlace()
    {
        var namespaces = typeof(ModelGraph).Assembly.GetTypes().Select(t => t.Namespace).Where(IsOurs).Distinct().Order(StringComparer.Ordinal);
        Assert.Equal(Order.Order(StringComparer.Ordinal), namespaces);
    }

    [Fact]
    public void NoTypeRefersToALaterNamespace()
    {
        var references = TypeReferences.Of(typeof(ModelGraph).Assembly).Where(r => IsOurs(r.From.Namespace) && IsOurs(r.To.Namespace)).ToList();
        Assert.True(references.Count > 500, $"only {references.Count} references were read");
        None(references.Where(r => Place(r.From.Namespace!) < Place(r.To.Namespace!)).Select(r => $"{r.From} refers to {r.To}").Order(StringComparer.Ordinal));
    }

    // Sees constants too, which leave no trace in compiled code.
    [Fact]
    public void NoFileUsesALaterNamespace()
    {
        var files = Documents.Files("src/Engine", "*.cs").Select(path => (Path: path, Lines: Documents.Lines(path))).ToList();
        Assert.NotEmpty(files);
        None(from file in files
             let own = file.Lines.First(line => line.StartsWith("namespace ", StringComparison.Ordinal))["namespace ".Length..].TrimEnd(';')
             from line in file.Lines.TakeWhile(line => !line.StartsWith("namespace ", StringComparison.Ordinal))
             where line.StartsWith("using ", StringComparison.Ordinal)
             let used = line.Split(' ', '=')[^1].TrimEnd(';')
             where IsOurs(used) && Order.Contains(used) && Place(own) < Place(used)
             select $"{file.Path} uses {used}");
    }

    [Fact]
    public void ANamespaceIsNamedAsItsFolder() =>
        None(Documents.Files("src/Engine", "*.cs").Where(path =>
        {
            var folder = Path.GetDirectoryName(path)!.Replace("src/Engine", "Faith.Engine", StringComparison.Ordinal).Replace('/', '.');
            return !Documents.Lines(path).Contains($"namespace {folder};");
        }));

    // All of them, where Assert.Empty shows the first five.
    private static void None(IEnumerable<string> wrong)
    {
        string[] all = [.. wrong];
        Assert.True(all.Length == 0, string.Join('\n', all));
    }

    private static bool IsOurs(string? name) => name is not null && (name == "Faith.Engine" || name.StartsWith("Faith.Engine.", StringComparison.Ordinal));

    private static int Place(string name) => Array.IndexOf(Order, name);
}
