using Faith.Engine.Hub;
using Faith.Engine.Models;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Hub;

public sealed class HubCacheTests : IDisposable
{
    private const string First = "0123456789abcdef0123456789abcdef01234567", Second = "89abcdef0123456789abcdef0123456789abcdef";

    private readonly TemporaryDirectory directory = new();
    private readonly HubCache cache;

    public HubCacheTests() => cache = new(directory.File("hub"));

    public void Dispose() => directory.Dispose();

    /// <summary>A model in the layout of the hub's programs: links into blobs.</summary>
    private string Place(string repository, string commit, params string[] refs)
    {
        var folder = Path.Combine(cache.Root, "models--" + repository.Replace("/", "--"));
        var snapshot = Directory.CreateDirectory(Path.Combine(folder, "snapshots", commit)).FullName;
        var blobs = Directory.CreateDirectory(Path.Combine(folder, "blobs")).FullName;
        TinyModel.Gpt2().Write(snapshot);
        foreach (var file in Directory.GetFiles(snapshot))
        {
            var blob = Path.Combine(blobs, Path.GetFileName(file) + commit);
            File.Move(file, blob);
            File.CreateSymbolicLink(file, Path.Combine("..", "..", "blobs", Path.GetFileName(blob)));
        }
        foreach (var name in refs)
        {
            var path = Path.Combine(folder, "refs", name);
            Directory.CreateDirectory(Path.GetDirectoryName(path)!);
            File.WriteAllText(path, commit);
        }
        return snapshot;
    }

    private string Resolve(string argument) => ModelCatalog.Resolve(argument, [directory.Path], cache);

    private string Fault(string argument) => Assert.Throws<InputException>(() => Resolve(argument)).Message;

    [Theory]
    [InlineData("gpt2", "openai-community/gpt2", null)]
    [InlineData("GPT2", "openai-community/gpt2", null)]
    [InlineData("pythia-160m@step3000", "EleutherAI/pythia-160m", "step3000")]
    [InlineData("pythia-1.4b-deduped", "EleutherAI/pythia-1.4b-deduped", null)]
    [InlineData("gemma-2-2b", "google/gemma-2-2b", null)]
    [InlineData("llama-3.2-1b", "meta-llama/Llama-3.2-1B", null)]
    [InlineData("qwen2.5-0.5b", "Qwen/Qwen2.5-0.5B", null)]
    [InlineData("a/b@refs/pr/1", "a/b", "refs/pr/1")]
    [InlineData("mine", "mine", null)]
    public void Names_are_read(string text, string repository, string? revision)
    {
        var name = HubName.TryParse(text)!;
        Assert.Equal((repository, revision, revision ?? "main"), (name.Repository, name.GivenRevision, name.Revision));
    }

    [Theory]
    [InlineData("")]
    [InlineData("/")]
    [InlineData("a/b/c")]
    [InlineData("../a")]
    [InlineData("a/..")]
    [InlineData("a..b/c")]
    [InlineData("a--b/c")]
    [InlineData("/etc/passwd")]
    [InlineData("a/b@")]
    [InlineData("a/b@../c")]
    [InlineData("a/b@/c")]
    [InlineData("a/b@c//d")]
    [InlineData("a/b@c@d")]
    [InlineData("a b")]
    [InlineData("a/b\n")]
    [InlineData("a\\b")]
    [InlineData("-a/b")]
    public void Other_texts_are_no_names(string text) => Assert.Null(HubName.TryParse(text));

    [Fact]
    public void The_environment_names_the_folder()
    {
        static string Folder(params (string Name, string Value)[] variables) => HubCache.Folder(name => variables.FirstOrDefault(v => v.Name == name).Value, "/home/me");

        Assert.Equal("/home/me/.cache/huggingface/hub", Folder());
        Assert.Equal("/x/huggingface/hub", Folder(("XDG_CACHE_HOME", "/x")));
        Assert.Equal("/y/hub", Folder(("HF_HOME", "/y"), ("XDG_CACHE_HOME", "/x")));
        Assert.Equal("/z", Folder(("HF_HUB_CACHE", "/z"), ("HF_HOME", "/y")));
        Assert.Equal("/home/me/c/hub", Folder(("HF_HOME", "~/c"), ("HF_HUB_CACHE", "")));
    }

    [Fact]
    public void A_branch_leads_to_its_snapshot()
    {
        var first = Place("org/model", First, "main");
        var second = Place("org/model", Second, "refs/pr/1");
        Assert.Equal(first, Resolve("org/model"));
        Assert.Equal(first, Resolve("org/model@main"));
        Assert.Equal(second, Resolve("org/model@refs/pr/1"));
        Assert.Equal(second, Resolve("org/model@" + Second));
        Assert.Equal(second, Resolve("org/model@89abcde"));
        Assert.Contains("faith pull org/model@other fetches it", Fault("org/model@other"));
        Assert.Contains("faith pull org/model@0123 fetches it", Fault("org/model@0123"));
        using var weights = ModelLoader.Load(Resolve("org/model"));
        Assert.Equal(2, weights.Config.Layers);
    }

    [Fact]
    public void Nicknames_and_names_without_an_owner_are_found()
    {
        Assert.Contains("faith pull gpt2 fetches it", Fault("gpt2"));
        var old = Place("gpt2", First, "main");
        Assert.Equal(old, Resolve("gpt2"));
        var now = Place("openai-community/gpt2", Second, "main");
        Assert.Equal(now, Resolve("gpt2"));
        Assert.Equal(now, Resolve("openai-community/gpt2"));
        Assert.Contains("nor a repository (owner/name); did you mean gpt2-large?", Fault("gpt2-lrage"));
    }

    [Fact]
    public void A_single_snapshot_needs_no_branch_and_several_do()
    {
        var first = Place("org/model", First);
        Assert.Equal(first, Resolve("org/model"));
        Place("org/model", Second);
        Assert.Contains($"holds 2 snapshots and does not say which one main is; give one: org/model@{First}", Fault("org/model"));
    }

    [Fact]
    public void What_is_not_whole_says_so()
    {
        var snapshot = Place("org/model", First, "main");
        File.Delete(Path.Combine(snapshot, "config.json"));
        Assert.Contains("is in the cache without config.json", Fault("org/model"));
        File.WriteAllText(cache.Ref(HubName.TryParse("org/model")!), "../../../etc");
        Assert.Contains("should hold the hash of a commit", Fault("org/model"));
        Assert.Contains($"is neither a directory nor in the Hugging Face cache ('{cache.Root}'); faith pull no/such fetches it", Fault("no/such"));
    }

    [Fact]
    public void A_directory_goes_before_the_cache()
    {
        Place("org/model", First, "main");
        var here = Directory.CreateDirectory(directory.File("org/model")).FullName;
        TinyModel.Gpt2().Write(here);
        Assert.Equal(here, ModelCatalog.Resolve(here, [directory.Path], cache));
    }
}
