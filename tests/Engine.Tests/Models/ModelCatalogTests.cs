using Faith.Engine.Hub;
using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Models;

public sealed class ModelCatalogTests
{
    private static string Place(TemporaryDirectory directory, params string[] models)
    {
        foreach (var model in models)
        {
            var path = directory.File(Path.Combine("weights", model));
            Directory.CreateDirectory(path);
            File.WriteAllText(Path.Combine(path, "config.json"), "{}");
        }
        var below = directory.File(Path.Combine("bin", "net10.0"));
        Directory.CreateDirectory(below);
        return below;
    }

    [Fact]
    public void Names_are_found_above_a_place()
    {
        using var directory = new TemporaryDirectory();
        var place = Place(directory, "small", "other");
        Directory.CreateDirectory(directory.File(Path.Combine("weights", "empty")));
        Assert.Equal(directory.File(Path.Combine("weights", "small")), ModelCatalog.Resolve("small", [place], new HubCache(directory.File("cache"))));
        Assert.Superset(new HashSet<string> { "other", "small" }, ModelCatalog.Models([place]).Select(m => m.Name).ToHashSet());
        Assert.DoesNotContain("empty", ModelCatalog.Models([place]).Select(m => m.Name));
    }

    [Fact]
    public void The_nearest_folder_goes_first()
    {
        using var directory = new TemporaryDirectory();
        using var second = new TemporaryDirectory();
        var place = Place(directory, "small");
        var other = Place(second, "small", "more");
        Assert.Equal(directory.File(Path.Combine("weights", "small")), ModelCatalog.Resolve("small", [place, other], new HubCache(directory.File("cache"))));
        Assert.Equal(second.File(Path.Combine("weights", "more")), ModelCatalog.Resolve("more", [place, other], new HubCache(directory.File("cache"))));
    }

    [Fact]
    public void A_directory_is_itself()
    {
        using var directory = new TemporaryDirectory();
        File.WriteAllText(directory.File("config.json"), "{}");
        Assert.Equal(directory.Path, ModelCatalog.Resolve(directory.Path));
    }

    [Fact]
    public void What_is_neither_is_refused_with_the_known_names()
    {
        using var directory = new TemporaryDirectory();
        var place = Place(directory, "small", "other");
        string Fault(string argument) => Assert.Throws<InputException>(() => ModelCatalog.Resolve(argument, [place], new HubCache(directory.File("cache")))).Message;

        var message = Fault("unknown");
        Assert.Contains("'unknown' is neither a directory nor a shipped model", message);
        Assert.Contains("other, small", message);
        Assert.Contains("is neither", Fault(""));
        Assert.Contains("is neither", Fault("../small"));
        Assert.Contains("is a directory without config.json", Fault(directory.Path));
        Assert.Contains("is a file", Fault(directory.File(Path.Combine("weights", "small", "config.json"))));
    }

    [Fact]
    public void Public_lookups_use_the_program_and_the_current_directory() =>
        Assert.Contains("'no such model'", Assert.Throws<InputException>(() => ModelCatalog.Resolve("no such model")).Message);
}
