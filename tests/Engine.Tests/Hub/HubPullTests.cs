using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using Faith.Engine.Hub;
using Faith.Engine.Models;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Hub;

/// <summary>Downloads from a hub on this machine.</summary>
public sealed class HubPullTests : IDisposable
{
    private const string Token = "hf_secretsecret", Model = "org/model", Weights = "model.safetensors";
    private const int Size = 400_000;

    private readonly TemporaryDirectory directory = new();
    private readonly HubServer server = new();
    private readonly HubCache cache;
    private readonly ConcurrentQueue<TimeSpan> pauses = [];
    private readonly ConcurrentQueue<string> notes = [];

    public HubPullTests() => cache = new(directory.File("hub"));

    public void Dispose()
    {
        server.Dispose();
        directory.Dispose();
    }

    private HubPull Puller(string? token = null, string? folder = null) => new(new HubSettings(new(server.Endpoint), token)
    {
        Pause = (time, _) =>
        {
            pauses.Enqueue(time);
            return Task.CompletedTask;
        },
        Note = notes.Enqueue,
    }, cache, folder);

    private Task<HubPulled> Pull(string name = Model, string? token = null, string? folder = null, IProgress<HubProgress>? progress = null, CancellationToken cancellation = default) =>
        Puller(token, folder).Model(HubName.TryParse(name)!, progress, cancellation);

    private async Task<string> Fault(string name = Model, string? token = null)
    {
        var message = (await Assert.ThrowsAsync<InputException>(() => Pull(name, token))).Message;
        Assert.DoesNotContain('\n', message);
        Assert.DoesNotContain(Token, message);
        Assert.False(Directory.Exists(Path.Combine(cache.Of(HubName.TryParse(name)!), "snapshots")));
        return message;
    }

    /// <summary>A model that runs, with more beside it than is needed.</summary>
    private Dictionary<string, byte[]> Serve(Action<string>? write = null)
    {
        var folder = Directory.CreateTempSubdirectory("faith-hub-").FullName;
        (write ?? TinyModel.Gpt2().Write)(folder);
        var files = Directory.GetFiles(folder).ToDictionary(path => Path.GetFileName(path)!, File.ReadAllBytes);
        Directory.Delete(folder, recursive: true);
        files["README.md"] = "read me"u8.ToArray();
        files["tf_model.h5"] = new byte[1000];
        files["onnx/model.onnx"] = new byte[1000];
        files["tokenizer.json"] = "{}"u8.ToArray();
        return server.Repositories[Model] = files;
    }

    private static byte[] Noise(int size)
    {
        var bytes = new byte[size];
        new Random(1).NextBytes(bytes);
        return bytes;
    }

    /// <summary>A repository whose weights are noise: they are fetched, not read.</summary>
    private byte[] ServeNoise()
    {
        var noise = Noise(Size);
        server.Repositories[Model] = new() { ["config.json"] = "{}"u8.ToArray(), [Weights] = noise };
        return noise;
    }

    private string Blob(byte[] content) => Path.Combine(cache.Of(HubName.TryParse(Model)!), "blobs", Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)));

    [Fact]
    public async Task An_empty_cache_becomes_a_model_that_is_read()
    {
        var files = Serve();
        var pulled = await Pull(token: Token);
        Assert.Equal((HubServer.Commit, 3, cache.Snapshot(HubName.TryParse(Model)!, HubServer.Commit)), (pulled.Commit, pulled.Files, pulled.Folder));
        Assert.Equal(["config.json", Weights, "tokenizer.json"], Directory.GetFiles(pulled.Folder).Select(Path.GetFileName).Order());
        var link = new FileInfo(Path.Combine(pulled.Folder, Weights));
        Assert.Equal($"../../blobs/{Path.GetFileName(Blob(files[Weights]))}", link.LinkTarget);
        Assert.StartsWith("../../blobs/", new FileInfo(Path.Combine(pulled.Folder, "config.json")).LinkTarget);
        Assert.Equal(HubServer.Commit, File.ReadAllText(cache.Ref(HubName.TryParse(Model)!)));
        Assert.Empty(Directory.GetFiles(cache.Root, "*.incomplete", SearchOption.AllDirectories));
        ModelLoader.Load(ModelCatalog.Resolve(Model, [], cache)).Dispose();

        // The token goes to the hub and nowhere else.
        Assert.All(server.Requests, request => Assert.Equal(request.IsStore ? null : $"Bearer {Token}", request["Authorization"]));
        Assert.Contains(server.Requests, request => request.IsStore);
        Assert.DoesNotContain(server.Requests, request => request.Path.Contains("README") || request.Path.Contains("onnx") || request.Path.Contains("h5"));

        server.Requests.Clear();
        Assert.Equal(0, (await Pull()).Fetched);
        Assert.Empty(server.Contents);
    }

    [Theory]
    [InlineData("org/model@refs/pr/1")]
    [InlineData("org/model@" + HubServer.Commit)]
    public async Task A_revision_may_be_given(string name)
    {
        Serve();
        var pulled = await Pull(name);
        Assert.Equal(pulled.Folder, ModelCatalog.Resolve(name, [], cache));
        Assert.Contains(server.Requests, request => request.Path == $"/api/models/{Model}/revision/{Uri.EscapeDataString(name.Split('@')[1])}");
    }

    [Fact]
    public async Task Shards_are_those_of_the_index_and_safetensors_go_first()
    {
        var files = Serve(folder => TinyModel.Llama().WriteShards(folder, 3));
        files["pytorch_model.bin"] = new byte[1000];
        files["model-00009-of-00009.safetensors"] = new byte[1000];
        var pulled = await Pull();
        Assert.Equal(6, pulled.Files);
        ModelLoader.Load(pulled.Folder).Dispose();
        Assert.False(File.Exists(Path.Combine(pulled.Folder, "pytorch_model.bin")));
    }

    [Fact]
    public async Task Files_of_PyTorch_are_taken_where_there_is_nothing_else()
    {
        Serve(folder => TinyModel.Llama().WriteTorch(folder, 2));
        ModelLoader.Load((await Pull()).Folder).Dispose();
    }

    [Fact]
    public async Task A_model_of_TransformerLens_is_its_settings_and_the_weights_that_are_meant()
    {
        var files = server.Repositories[Model] = new() { ["ll_model_cfg.pkl"] = [1], ["README.md"] = [2], ["all/ll_model_100_100_80.pth"] = Noise(600), ["all/ll_model_110_80_80.pth"] = Noise(601) };
        var pulled = await Pull();
        Assert.Equal(["all/ll_model_100_100_80.pth", "ll_model_cfg.pkl"], Directory.GetFiles(pulled.Folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(pulled.Folder, path)).Order());
        Assert.Equal(pulled.Folder, ModelCatalog.Resolve(Model, [], cache));
        files.Remove("all/ll_model_100_100_80.pth");
        files["all/third.pth"] = Noise(602);
        Assert.Contains("has 2 .pth files, and nothing says which holds the model", (await Assert.ThrowsAsync<InputException>(() => Pull())).Message);
    }

    [Fact]
    public async Task A_folder_gets_the_files_themselves()
    {
        var files = Serve();
        var folder = directory.File("mine");
        Assert.Equal(folder, (await Pull(folder: folder)).Folder);
        Assert.Equal(["config.json", Weights, "tokenizer.json"], Directory.GetFiles(folder).Select(Path.GetFileName).Order());
        Assert.Equal(files[Weights], File.ReadAllBytes(Path.Combine(folder, Weights)));
        Assert.False(Directory.Exists(cache.Root));
        server.Requests.Clear();
        File.WriteAllBytes(Path.Combine(folder, Weights), new byte[files[Weights].Length]);
        Assert.Equal(files[Weights].Length, (await Pull(folder: folder)).Fetched);
        Assert.Equal(files[Weights], File.ReadAllBytes(Path.Combine(folder, Weights)));
    }

    [Fact]
    public async Task Cut_connections_are_gone_on_with()
    {
        var noise = ServeNoise();
        server.Instead = request => request is { IsStore: true, Method: "GET" } && server.Requests.Count(r => r is { IsStore: true, Method: "GET" }) <= 3 ? server.Answer(request) with { CutAfter = 100_000 } : null;
        await Pull();
        Assert.Equal(noise, File.ReadAllBytes(Blob(noise)));
        Assert.Equal([null, "bytes=100000-", "bytes=200000-", "bytes=300000-"], server.Requests.Where(request => request.IsStore).Select(request => request["Range"]));
    }

    [Fact]
    public async Task A_stopped_run_is_gone_on_with_by_the_next()
    {
        var noise = ServeNoise();
        using var stop = new CancellationTokenSource();
        var never = new TaskCompletionSource();
        server.Instead = request => request is { IsStore: true, Method: "GET" } ? server.Answer(request) with { CutAfter = 150_000, Until = never.Task } : null;
        var arrived = new Progress(value =>
        {
            if (value is { File: Weights, Done: >= 150_000 }) stop.Cancel();
        });
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => Pull(cancellation: stop.Token, progress: arrived));
        never.SetResult();
        Assert.Equal(150_000, new FileInfo(Blob(noise) + ".incomplete").Length);
        Assert.False(File.Exists(Blob(noise)));
        Assert.Null(cache.Find(HubName.TryParse(Model)!));

        server.Instead = _ => null;
        server.Requests.Clear();
        await Pull();
        Assert.Equal(noise, File.ReadAllBytes(Blob(noise)));
        Assert.Equal("bytes=150000-", Assert.Single(server.Requests, request => request.IsStore)["Range"]);
    }

    private sealed class Progress(Action<HubProgress> report) : IProgress<HubProgress>
    {
        public void Report(HubProgress value) => report(value);
    }

    [Theory]
    [InlineData(1000)]
    [InlineData(Size)]
    [InlineData(Size + 5)]
    public async Task What_lies_there_of_other_bytes_is_fetched_anew(int length)
    {
        var noise = ServeNoise();
        Directory.CreateDirectory(Path.GetDirectoryName(Blob(noise))!);
        File.WriteAllBytes(Blob(noise) + ".incomplete", new byte[length]);
        await Pull();
        Assert.Equal(noise, File.ReadAllBytes(Blob(noise)));
    }

    [Fact]
    public async Task A_server_without_ranges_is_asked_for_everything()
    {
        var noise = ServeNoise();
        Directory.CreateDirectory(Path.GetDirectoryName(Blob(noise))!);
        File.WriteAllBytes(Blob(noise) + ".incomplete", noise[..1000]);
        server.Instead = request => request is { IsStore: true, Method: "GET" } ? new(200, noise) : null;
        await Pull();
        Assert.Equal(noise, File.ReadAllBytes(Blob(noise)));
    }

    [Fact]
    public async Task Bytes_of_another_hash_are_not_kept()
    {
        var noise = ServeNoise();
        server.Instead = request => request is { IsStore: true, Method: "GET" } ? new(200, new byte[Size]) : null;
        Assert.Equal("org/model model.safetensors: has arrived damaged 2 times: its bytes do not have the hash that the hub gives", await Fault());
        Assert.False(File.Exists(Blob(noise)) || File.Exists(Blob(noise) + ".incomplete"));
        server.Instead = request => request is { IsStore: true, Method: "GET" } ? new(200, new byte[Size + 1]) : null;
        Assert.Contains("sends more than the 400000 bytes", await Fault());
        Directory.Delete(cache.Root, recursive: true);
        server.Instead = request => request.Path.EndsWith("config.json", StringComparison.Ordinal) && request.Method == "GET" ? new(200, "[]"u8.ToArray()) : null;
        Assert.Contains("org/model config.json: has arrived damaged", await Fault());
    }

    [Fact]
    public async Task A_hub_that_is_busy_is_waited_for()
    {
        var noise = ServeNoise();
        var busy = 3;
        server.Instead = request => request.IsStore && busy-- > 0 ? new(busy == 2 ? 429 : 503, [], busy == 2 ? [("Retry-After", "7")] : []) : null;
        await Pull();
        Assert.Equal(noise, File.ReadAllBytes(Blob(noise)));
        Assert.Equal([7, 2, 4], pauses.Select(pause => pause.TotalSeconds));
        Assert.Equal("the hub asks to wait 7 s", Assert.Single(notes));
    }

    [Fact]
    public async Task An_answer_that_is_cut_off_is_asked_for_again()
    {
        ServeNoise();
        var cut = true;
        server.Instead = request =>
        {
            if (!cut || !request.Path.StartsWith("/api/", StringComparison.Ordinal)) return null;
            cut = false;
            return server.Answer(request) with { CutAfter = 10 };
        };
        await Pull();
        Assert.Equal(2, server.Requests.Count(request => request.Path.StartsWith("/api/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Refusals_are_one_line()
    {
        Serve();
        Assert.Equal("no/such: the hub refuses it (401): there is no such repository, or it is gated or private; set HF_TOKEN to a token of an account that has access", await Fault("no/such"));
        Assert.EndsWith("the account of the token in HF_TOKEN has no access", await Fault("no/such", Token));
        Assert.Equal("org/model@other: the repository has no such revision", await Fault("org/model@other"));

        async Task Answered(HubResponse response, string expected, string? path = null)
        {
            server.Instead = request => path is null || request.Path.EndsWith(path, StringComparison.Ordinal) ? response : null;
            Assert.Contains(expected, await Fault());
        }
        await Answered(new(403, [], ("X-Error-Code", "GatedRepo")), $"org/model: is gated: accept its conditions on its page at {server.Endpoint}; set HF_TOKEN");
        await Answered(new(401, [], ("X-Error-Code", "GatedRepo")), $"config.json: is gated: accept its conditions on its page at {server.Endpoint};", "config.json");
        await Answered(new(403, []), "refuses it (403)");
        await Answered(new(404, []), "there is no such repository on the hub");
        await Answered(new(404, [], ("X-Error-Code", "EntryNotFound")), "org/model model.safetensors: the repository has no such file", Weights);
        await Answered(new(429, [], ("Retry-After", "4000")), "allows no more requests for now (429); run again in 4000 s");
        await Answered(new(500, []), "the hub answers 500 (Said); run again later");
        await Answered(new(418, []), "the hub answers 418");
        await Answered(new(302, [], ("Location", "/api/models/org/model/revision/main")), "leads from one address to the next more than 10 times");
        await Answered(new(302, [], ("Location", "file:///etc/passwd")), "is not a safe address", Weights);
        await Answered(new(200, "[]"u8.ToArray()), "does not describe a repository");
        await Answered(new(200, "{\"sha\": \"../../x\", \"siblings\": []}"u8.ToArray()), "the commit '../../x', which is none");
        await Answered(new(200, [], ("ETag", "\"abc\"")), "gives no hash for it (ETag 'abc')", "config.json");
        await Answered(new(200, [], ("ETag", $"\"{HubServer.Commit}\""), ("X-Repo-Commit", "x")), "out of commit 'x'", "config.json");
        await Answered(new(200, [], ("ETag", $"\"{HubServer.Commit}\""), ("X-Linked-Size", "500000000000000")), "GB are free", "config.json");
    }

    [Fact]
    public async Task Nobody_at_the_address_is_one_line()
    {
        server.Dispose();
        Assert.StartsWith($"{server.Endpoint}: cannot be reached (", await Fault());
        Assert.Empty(pauses);
    }

    [Fact]
    public async Task A_hub_that_falls_silent_is_tried_again()
    {
        ServeNoise();
        server.Instead = request => request.IsStore ? new(200, new byte[Size]) { CutAfter = 0 } : null;
        Assert.StartsWith($"{server.Endpoint}: cannot be reached (", await Fault());
        Assert.Equal([1, 2, 4, 8, 16], pauses.Select(pause => pause.TotalSeconds));
    }

    [Theory]
    [InlineData("../evil.parquet")]
    [InlineData("/etc/evil.parquet")]
    [InlineData("a/../../evil.parquet")]
    [InlineData("a//evil.parquet")]
    [InlineData("a\\evil.parquet")]
    [InlineData("C:evil.parquet")]
    [InlineData("a/./evil.parquet")]
    [InlineData("evil\u001b[31m.parquet")]
    [InlineData("evil\n.parquet")]
    public async Task Names_of_files_stay_in_their_folder(string path)
    {
        server.Repositories["datasets/org/data"] = new() { [path] = [1, 2, 3] };
        var message = (await Assert.ThrowsAsync<InputException>(() => Puller().Dataset(HubName.TryParse("org/data", isDataset: true)!, null, null, default))).Message;
        Assert.Contains("which is not safe to write", message);
        Assert.DoesNotContain('\u001b', message);
        Assert.DoesNotContain(server.Requests, request => request.Path.Contains("resolve"));
    }

    [Fact]
    public async Task Links_lead_nothing_out_of_the_folder()
    {
        var outside = Directory.CreateDirectory(directory.File("outside")).FullName;
        var name = HubName.TryParse("org/data", isDataset: true)!;
        var content = Noise(600);
        server.Repositories["datasets/org/data"] = new() { ["sub/deep/x.parquet"] = content };
        async Task Refusal(string? folder) => Assert.Contains("is a link to ", (await Assert.ThrowsAsync<InputException>(() => Puller(folder: folder).Dataset(name, null, null, default))).Message);

        // A folder of the user's, and the snapshot.
        var mine = Directory.CreateDirectory(directory.File("mine")).FullName;
        Directory.CreateSymbolicLink(Path.Combine(mine, "sub"), outside);
        await Refusal(mine);
        Directory.CreateDirectory(cache.Snapshot(name, HubServer.Commit));
        Directory.CreateSymbolicLink(Path.Combine(cache.Snapshot(name, HubServer.Commit), "sub"), outside);
        await Refusal(null);
        Directory.Delete(cache.Root, recursive: true);
        // What has arrived.
        var blobs = Directory.CreateDirectory(Path.Combine(cache.Of(name), "blobs")).FullName;
        File.CreateSymbolicLink(Path.Combine(blobs, Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(content)) + ".incomplete"), Path.Combine(outside, "new"));
        await Refusal(null);
        Assert.Empty(Directory.GetFileSystemEntries(outside));
    }

    [Fact]
    public async Task A_data_set_is_its_files_of_one_kind()
    {
        var parquet = Noise(600);
        server.Repositories["datasets/org/data"] = new()
        {
            ["README.md"] = [1], ["a/train-0.parquet"] = parquet, ["a/test-0.parquet"] = Noise(601), ["b/train-0.parquet"] = Noise(602), ["c-train.parquet"] = Noise(603), ["old.json"] = [1],
        };
        var name = HubName.TryParse("org/data", isDataset: true)!;
        var pulled = await Puller().Dataset(name, "a", null, default);
        Assert.Equal(["test-0.parquet", "train-0.parquet"], Directory.GetFiles(Path.Combine(pulled.Folder, "a")).Select(Path.GetFileName).Order());
        Assert.Equal(parquet, File.ReadAllBytes(Path.Combine(pulled.Folder, "a", "train-0.parquet")));
        Assert.EndsWith("datasets--org--data/snapshots/" + HubServer.Commit, pulled.Folder);
        Assert.Equal(1, (await Puller().Dataset(name, "c", null, default)).Files);
        Assert.Equal(4, (await Puller().Dataset(name, null, null, default)).Files);
        Assert.Equal(pulled.Folder, cache.Find(name));
        Assert.Contains("has no configuration 'd'; its folders are a, b", (await Assert.ThrowsAsync<InputException>(() => Puller().Dataset(name, "d", null, default))).Message);
        server.Repositories["datasets/org/data"] = new() { ["data.zip"] = [1] };
        Assert.Contains("has no Parquet, JSONL, JSON or CSV files", (await Assert.ThrowsAsync<InputException>(() => Puller().Dataset(name, null, null, default))).Message);
    }

    [Theory]
    [InlineData("- config_name: four\n  data_files:\n  - split: train\n    path: x/train-*\n  - split: test\n    path: [x/test-*, more/**]", "more/deep/1.parquet more/2.parquet x/test-0.parquet x/train-0.parquet")]
    [InlineData("- config_name: other\n  data_files: y/*\n- config_name: four\n  data_files: \"**/*-0.parquet\"", "x/test-0.parquet x/train-0.parquet y/four-0.parquet")]
    [InlineData("- {config_name: four, data_dir: ./more/, data_files: '?.parquet'}", "more/2.parquet")]
    [InlineData("- {config_name: four, data_dir: more}", "more/2.parquet more/deep/1.parquet")]
    [InlineData("- {config_name: four, data_dir: ./}", "more/2.parquet more/deep/1.parquet x/test-0.parquet x/train-0.parquet y/four-0.parquet")]
    [InlineData("- {config_name: four, data_dir: ., data_files: ./more//./2.*}", "more/2.parquet")]
    [InlineData("- {config_name: four, data_files: {train: x/train-0.parquet, test: more}}", "more/2.parquet more/deep/1.parquet x/train-0.parquet")]
    [InlineData("- {config_name: four, data_files: x/*-*}", "x/test-0.parquet x/train-0.parquet")]
    [InlineData("- {config_name: four, data_files: [x/*, more/*]}", "more/2.parquet x/test-0.parquet x/train-0.parquet")]
    [InlineData("- {config_name: four, data_files: more/**/1.*}", "more/deep/1.parquet")]
    // The card does not know it, or is none: the name of the file tells.
    [InlineData("- {config_name: other, data_files: x/*}", "y/four-0.parquet")]
    [InlineData("- {config_name: four", "y/four-0.parquet")]
    [InlineData("[[[[[[[[[[[[[[[[[[[[[[[[[[[", "y/four-0.parquet")]
    [InlineData("- &a [*a]", "y/four-0.parquet")]
    [InlineData("- config_name: four\n  data_files: [&a [x/*, x/*], [*a, *a]]", "y/four-0.parquet")]
    [InlineData("- config_name: four\n  data_files: &a [*a]", "y/four-0.parquet")]
    public async Task A_configuration_is_what_the_card_says(string configurations, string expected)
    {
        var files = new Dictionary<string, byte[]> { ["README.md"] = Encoding.UTF8.GetBytes($"---\nlicense: mit\nconfigs:\n{configurations}\n---\n# Data\n"), ["x/train-0.csv"] = [1] };
        foreach (var path in (string[])["x/train-0.parquet", "x/test-0.parquet", "more/2.parquet", "more/deep/1.parquet", "y/four-0.parquet"]) files[path] = Noise(600 + path.Length);
        server.Repositories["datasets/org/data"] = files;
        var pulled = await Puller().Dataset(HubName.TryParse("org/data", isDataset: true)!, "four", null, default);
        Assert.Equal(expected.Split(' ').Order(), Directory.GetFiles(pulled.Folder, "*", SearchOption.AllDirectories).Select(path => Path.GetRelativePath(pulled.Folder, path)).Order());
    }

    [Fact]
    public async Task A_configuration_that_is_not_there_is_one_line()
    {
        var files = server.Repositories["datasets/org/data"] = new() { ["README.md"] = "---\r\nconfigs:\r\n- config_name: a\r\n  data_files: a/*.zip\r\n- config_name: b\r\n  data_files: ../../etc/*\r\n---\r\n"u8.ToArray(), ["x/0.parquet"] = [1] };
        Assert.Contains("org/data: has no configuration 'c'; its card has a, b", await Refusal("c"));
        Assert.Contains("its card lists no Parquet, JSONL, JSON or CSV files that are there for the configuration 'a'", await Refusal("a"));
        Assert.Contains("for the configuration 'b'", await Refusal("b"));
        files["README.md"] = Encoding.UTF8.GetBytes($"---\nconfigs:\n- config_name: deep\n  data_files: \"{string.Concat(Enumerable.Repeat("**/", 300))}*\"\n---\n");
        Assert.Contains("for the configuration 'deep'", await Refusal("deep"));
        files["README.md"] = new byte[5 << 20];
        Assert.Contains("README.md: the hub's answer has more than 4194304 bytes", await Refusal("c"));
        files["README.md"] = [];
        Assert.Contains("has no configuration 'c'; its folders are x", await Refusal("c"));

        async Task<string> Refusal(string configuration) => (await Assert.ThrowsAsync<InputException>(() => Puller().Dataset(HubName.TryParse("org/data", isDataset: true)!, configuration, null, default))).Message;
    }

    [Fact]
    public async Task What_is_no_model_is_not_fetched()
    {
        var files = server.Repositories[Model] = new() { ["adapter_config.json"] = [1] };
        Assert.Contains("has no config.json: it is an adapter", await Fault());
        files["config.json"] = "{}"u8.ToArray();
        Assert.Contains("has no weights that are read", await Fault());
        files["model.safetensors.index.json"] = "{}"u8.ToArray();
        Assert.Contains("does not say which shards", await Fault());
        files["model.safetensors.index.json"] = Encoding.UTF8.GetBytes(new JsonObject { ["weight_map"] = new JsonObject { ["a"] = "../x" } }.ToJsonString());
        Assert.Contains("names '../x', which the repository does not have", await Fault());
        Assert.DoesNotContain(server.Contents, request => request.IsStore);
    }

    [Fact]
    public void Settings_come_from_the_environment()
    {
        static HubSettings Of(params (string Name, string Value)[] variables) => HubSettings.Of(name => variables.FirstOrDefault(v => v.Name == name).Value);

        Assert.Equal(new Uri("https://huggingface.co"), Of().Endpoint);
        Assert.Equal(("http://localhost:8080/hub", Token), (Of(("HF_ENDPOINT", "http://localhost:8080/hub/")).Endpoint.AbsoluteUri, Of(("HF_TOKEN", Token + "\n")).Token));
        Assert.Null(Of(("HF_TOKEN", "")).Token);
        Assert.DoesNotContain(Token, Of(("HF_TOKEN", Token)).ToString());
        foreach (var bad in (string[])["hub", "ftp://hub", "https://hub/?a=b", "https://me:secret@hub"])
            Assert.Contains("HF_ENDPOINT is", Assert.Throws<InputException>(() => Of(("HF_ENDPOINT", bad))).Message);
        Assert.DoesNotContain(Token, Assert.Throws<InputException>(() => Of(("HF_TOKEN", Token + "\r\nX: y"))).Message);
        Assert.Contains("HF_HUB_OFFLINE", Assert.Throws<InputException>(() => Of(("HF_HUB_OFFLINE", "1"))).Message);
    }

    /// <summary>Only faith pull asks the network for anything.</summary>
    [Fact]
    public void Nothing_else_uses_the_network()
    {
        var users = Documents.Files("src", "*.cs").Where(path => Documents.Lines(path).Any(line => line.Contains("System.Net", StringComparison.Ordinal) || line.Contains("HttpClient", StringComparison.Ordinal) || line.Contains("TcpClient", StringComparison.Ordinal))).ToList();
        Assert.NotEmpty(users);
        Assert.All(users, path => Assert.Contains("src/Engine/Hub/", path.Replace('\\', '/')));
    }
}
