using System.Buffers.Binary;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using Faith.Cli;
using Faith.Engine;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tokenizers;
using Xunit;

namespace Faith.Fuzz.Tests;

/// <summary>Whatever a file or a command line holds, it is read or refused in one line, in little time and memory.</summary>
public sealed class FuzzTests : IDisposable
{
    private const long MostBytes = 512L << 20;
    private static readonly TimeSpan MostTime = TimeSpan.FromSeconds(2), Hang = TimeSpan.FromSeconds(60);

    private readonly string folder = Directory.CreateTempSubdirectory("faith-fuzz-").FullName;
    private readonly string model, scores;
    private readonly ModelConfig config;
    private readonly Tokenizer tokenizer;

    public FuzzTests()
    {
        model = Path.Combine(folder, "model");
        Directory.CreateDirectory(model);
        foreach (var file in Directory.GetFiles(Seed("model"))) File.Copy(file, Path.Combine(model, Path.GetFileName(file)));
        File.Copy(Seed("tokenizer.json"), Path.Combine(model, "tokenizer.json"));
        scores = Path.Combine(folder, "scores.json");
        var (code, error) = CommandRun.Run("attribute", "--model", model, "--data", Data, "--out", scores, "--device", "cpu", "--threads", "1");
        Assert.True(code == 0, error);
        using var weights = ModelLoader.Load(model);
        config = weights.Config;
        tokenizer = TokenizerLoader.FromJson(Seed("tokenizer.json"));
    }

    private string Data => Path.Combine(model, "d.jsonl");

    public void Dispose() => Directory.Delete(folder, recursive: true);

    private static readonly (string Target, int Cases)[] All =
    [
        ("config", 3000), ("safetensors", 4000), ("index", 1000), ("tokenizer", 3000), ("merges", 1000), ("jsonl", 2500), ("csv", 2000), ("verbs", 500), ("scores", 1500), ("arguments", 750), ("commands", 750),
    ];

    /// <summary>Targets with their cases in an ordinary run, 20,000 in all; one alone where it is asked for.</summary>
    public static TheoryData<string, int> Targets
    {
        get
        {
            var data = new TheoryData<string, int>();
            var wanted = Environment.GetEnvironmentVariable("FAITH_FUZZ_TARGET");
            foreach (var (target, cases) in All)
                if (wanted is null || wanted == target) data.Add(target, cases);
            return data;
        }
    }

    [Fact]
    public void An_ordinary_run_has_20000_cases() => Assert.Equal(20_000, All.Sum(target => target.Cases));

    [Theory]
    [MemberData(nameof(Targets))]
    public void Is_read_or_refused(string target, int cases)
    {
        var first = 0;
        if (Number("FAITH_FUZZ_CASES") is { } more) cases = more;
        if (Number("FAITH_FUZZ_SEED") is { } seed) (first, cases) = (seed, 1);
        var run = Target(target);
        for (var i = first; i < first + cases; i++) Case(run, i, $"FAITH_FUZZ_TARGET={target} FAITH_FUZZ_SEED={i}");
        Assert.Empty(Directory.GetFiles(folder, ".faith-*", new EnumerationOptions { RecurseSubdirectories = true, AttributesToSkip = 0 }));
    }

    private static int? Number(string variable) =>
        Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? int.Parse(text, CultureInfo.InvariantCulture) : null;

    /// <summary>One case; one that took too long is tried again, as another process may have had the cores.</summary>
    private static void Case(Action<Random> run, int seed, string name)
    {
        using var watchdog = new Timer(_ => Environment.FailFast($"{name} hangs"), null, Hang, Timeout.InfiniteTimeSpan);
        for (var attempt = 0; ; attempt++)
        {
            var before = GC.GetAllocatedBytesForCurrentThread();
            var clock = Stopwatch.StartNew();
            try
            {
                run(new Random(seed));
            }
            catch (InputException e)
            {
                Assert.True(e.Message.Length <= 1000 && !e.Message.Any(char.IsControl), $"{name}: the message is long or holds control characters: {e.Message}");
            }
            catch (Exception e)
            {
                throw new InvalidOperationException($"{name}: {e.GetType().Name}: {e.Message}", e);
            }
            var bytes = GC.GetAllocatedBytesForCurrentThread() - before;
            Assert.True(bytes < MostBytes, $"{name}: allocated {bytes:N0} bytes");
            if (clock.Elapsed < MostTime) return;
            Assert.True(attempt < 2, $"{name}: took {clock.Elapsed}");
        }
    }

    private Action<Random> Target(string name)
    {
        switch (name)
        {
            case "config":
                return Reader(Path.Combine(model, "config.json"), Mutator.Mutate, _ => { using (ModelLoader.Load(model)) { } });
            case "safetensors":
                return Reader(Path.Combine(model, "model.safetensors"), Mutator.MutateSafetensors, _ => { using (ModelLoader.Load(model)) { } });
            case "tokenizer":
                return Reader(Copy("tokenizer.json"), Mutator.Mutate, path =>
                {
                    var tokenizer = TokenizerLoader.FromJson(path);
                    tokenizer.Decode(tokenizer.Encode("ab c<|endoftext|> \ud83d\ude00 a\u0301b\n"));
                });
            case "index":
                return Reader(Index(), Mutator.Mutate, path => { using (ModelLoader.Load(Path.GetDirectoryName(path)!)) { } });
            case "merges":
                return Reader(Merges(), Mutator.Mutate, path => TokenizerLoader.TryLoad(Path.GetDirectoryName(path)!)!.Encode("ab c<|endoftext|>"));
            case "verbs":
                File.WriteAllText(Path.Combine(folder, "sva.csv"), "clean,corrupted,plural\nab c,ab d,1\n");
                File.WriteAllText(Path.Combine(folder, "verbs.csv"), "sing,plur\na,b\nc,d\n");
                return Reader(Path.Combine(folder, "verbs.csv"), Mutator.Mutate, path => PromptSet.Load(Path.Combine(folder, "sva.csv"), tokenizer, config));
            case "jsonl":
                return Reader(Copy("text.jsonl"), Mutator.Mutate, path => PromptSet.Load(path, tokenizer, config));
            case "csv":
                return Reader(Copy("text.csv"), Mutator.Mutate, path => PromptSet.Load(path, tokenizer, config));
            case "scores":
                return Reader(scores, Mutator.Mutate, path => ScoreFile.Read(path));
            case "arguments":
                return random => CommandRun.Checked(Arguments(random));
            default:
                return Command;
        }
    }

    /// <summary>The model in the layout of several files: its index.</summary>
    private string Index()
    {
        var sharded = Path.Combine(folder, "sharded");
        Directory.CreateDirectory(sharded);
        File.Copy(Path.Combine(model, "config.json"), Path.Combine(sharded, "config.json"));
        File.Copy(Path.Combine(model, "model.safetensors"), Path.Combine(sharded, "model-00001-of-00001.safetensors"));
        var bytes = File.ReadAllBytes(Path.Combine(model, "model.safetensors"));
        using var header = JsonDocument.Parse(bytes.AsMemory(8, (int)BinaryPrimitives.ReadUInt64LittleEndian(bytes)));
        var names = header.RootElement.EnumerateObject().Select(tensor => tensor.Name).Where(name => name != "__metadata__");
        var path = Path.Combine(sharded, "model.safetensors.index.json");
        var places = string.Join(", ", names.Select(name => $"\"{name}\": \"model-00001-of-00001.safetensors\""));
        File.WriteAllText(path, "{\"metadata\": {}, \"weight_map\": {" + places + "}}");
        return path;
    }

    /// <summary>The tokenizer in the layout of GPT-2: its list of merges.</summary>
    private string Merges()
    {
        using var whole = JsonDocument.Parse(File.ReadAllBytes(Seed("tokenizer.json")));
        var part = whole.RootElement.GetProperty("model");
        var directory = Path.Combine(folder, "gpt2");
        Directory.CreateDirectory(directory);
        File.WriteAllText(Path.Combine(directory, "vocab.json"), part.GetProperty("vocab").GetRawText());
        var path = Path.Combine(directory, "merges.txt");
        File.WriteAllLines(path, part.GetProperty("merges").EnumerateArray().Select(merge => merge.ValueKind == JsonValueKind.Array ? $"{merge[0]} {merge[1]}" : merge.GetString()!));
        return path;
    }

    private static Action<Random> Reader(string path, Func<Random, byte[], byte[]> mutate, Action<string> read)
    {
        var original = File.ReadAllBytes(path);
        return random =>
        {
            File.WriteAllBytes(path, mutate(random, original));
            read(path);
        };
    }

    private static string Seed(string name) => Path.Combine(AppContext.BaseDirectory, "Seeds", name);

    private string Copy(string name)
    {
        File.Copy(Seed(name), Path.Combine(folder, name));
        return Path.Combine(folder, name);
    }

    /// <summary>A command on good files of which one is damaged for as long as it runs.</summary>
    private void Command(Random random)
    {
        string[] files = ["config.json", "model.safetensors", "d.jsonl", "tokenizer.json"];
        var path = random.Next(files.Length + 1) is var which && which < files.Length ? Path.Combine(model, files[which]) : scores;
        var original = File.ReadAllBytes(path);
        var output = Path.Combine(folder, "out.json");
        try
        {
            File.WriteAllBytes(path, which == 1 ? Mutator.MutateSafetensors(random, original) : Mutator.Mutate(random, original));
            var commands = Commands(output);
            var args = commands[random.Next(commands.Length)];
            var code = CommandRun.Checked(args);
            if (File.Exists(output))
            {
                Assert.True(code == 0, $"{string.Join(' ', args)} was refused and left an output");
                Assert.True(args[0] == "draw" || ScoreFile.Read(output) is not null);
            }
        }
        finally
        {
            File.WriteAllBytes(path, original);
            File.Delete(output);
        }
    }

    private string[][] Commands(string output)
    {
        string[] run = ["--model", model, "--data", Data, "--device", "cpu", "--threads", "1"];
        return
        [
            ["attribute", .. run, "--out", output],
            ["evaluate", .. run, "--circuit", scores],
            ["accuracy", .. run],
            ["check-circuit", .. run, "--circuit", scores, "--sets", "2"],
            ["circuit", "--scores", scores, "--edges", "5", "--out", output],
            ["compare", scores, scores],
            ["draw", scores, "--out", output + ".svg"],
            ["curve", .. run, "--scores", scores, "--edges", "3,6", "--out", output + ".csv"],
            ["generate", "--model", model, "--prompt", "ab c", "--device", "cpu"],
        ];
    }

    /// <summary>A command line of which words are left out, doubled, moved or damaged. No word names an output that exists elsewhere.</summary>
    private string[] Arguments(Random random)
    {
        var commands = Commands(Path.Combine(folder, "no", "such", "folder.json"));
        var words = commands[random.Next(commands.Length)].ToList();
        string[] odd = ["", "-", "--", "--help", "--out", "--steps", "-1", "nan", "99999999999999999999", "\u001b[31m", "\u202e", "@file", "--method", "eap", "--examples", "0", "\0"];
        for (var edits = random.Next(1, 5); edits > 0 && words.Count > 0; edits--)
        {
            var at = random.Next(words.Count);
            switch (random.Next(4))
            {
                case 0: words.RemoveAt(at); break;
                case 1: words.Insert(at, words[random.Next(words.Count)]); break;
                case 2: words[at] = odd[random.Next(odd.Length)]; break;
                default: words.Insert(at, odd[random.Next(odd.Length)]); break;
            }
        }
        return [.. words];
    }
}
