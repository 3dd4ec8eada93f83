using System.Text;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.ScoreFiles;
using Faith.Engine.Tests.Circuits;
using Faith.Engine.Tests.Data;
using Faith.Engine.Tests.Models;
using Faith.Engine.Tests.Reports;
using Faith.Engine.Tokenizers;
using Faith.Fuzz.Tests.Mutation;
using Faith.Kernels;
using Xunit;

namespace Faith.Fuzz.Tests.Targets;

/// <summary>The targets that read a file through the library.</summary>
internal static class Readers
{
    private static readonly string[] Texts = ["", "ab c", "the 12's <|endoftext|> \ud83d\ude00 a\u0301b\n", "\ud800x\0\u202e", string.Concat(Enumerable.Repeat("ab ", 300))];
    private static readonly ModelConfig Shape = new()
    {
        Family = "gpt2", Layers = 1, Width = 8, Heads = 2, KeyValueHeads = 2, HeadDim = 4, MlpWidth = 32, Vocabulary = 50257, Context = 64,
        Norm = NormKind.LayerNorm, NormEpsilon = 1e-5f, Activation = ActivationFunction.GeluTanh, TiedEmbedding = true, AttentionScale = 0.5f,
    };
    private static readonly string[] Tokenizers = ["characters", "crossing", "gpt2", "llama3", "sentencePiece"];

    private static TinyModel ScaledLlama()
    {
        var model = TinyModel.Llama().As("BF16");
        model.Config["rope_scaling"] = System.Text.Json.Nodes.JsonNode.Parse(
            """{"rope_type": "llama3", "factor": 32.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}""");
        return model;
    }

    private static Action<string> WriteFamily(string family) => folder =>
    {
        foreach (var file in new[] { "config.json", "model.safetensors" })
            File.Copy(Path.Combine(AppContext.BaseDirectory, "Families", family, file), Path.Combine(folder, file), overwrite: true);
    };

    public static ITarget Config() => new ReaderTarget(LoadModel,
        new("config.json", JsonMutator.Mutate, TinyModel.Gpt2().Write), new("config.json", JsonMutator.Mutate, ScaledLlama().Write), new("config.json", JsonMutator.Mutate, TinyModel.Llama("qwen2").Write),
        new("config.json", JsonMutator.Mutate, WriteFamily("gpt_neox")), new("config.json", JsonMutator.Mutate, WriteFamily("gemma")));

    public static ITarget Weights() => new ReaderTarget(LoadModel,
        new("model.safetensors", SafetensorsMutator.Mutate, TinyModel.Gpt2().Write), new("model.safetensors", SafetensorsMutator.Mutate, ScaledLlama().Write));

    public static ITarget Torch() => new ReaderTarget(LoadModel,
        new("pytorch_model.bin", TorchMutator.Mutate, folder => TinyModel.Gpt2().WriteTorch(folder)), new("pytorch_model.bin", TorchMutator.Mutate, folder => ScaledLlama().WriteTorch(folder)),
        new("pytorch_model-00001-of-00002.bin", TorchMutator.Mutate, folder => TinyModel.Llama().WriteTorch(folder, 2)));

    public static ITarget Shards() => new ReaderTarget(LoadModel,
        new("model.safetensors.index.json", JsonMutator.Mutate, folder => TinyModel.Llama().WriteShards(folder, 2)),
        new("model-00002-of-00002.safetensors", SafetensorsMutator.Mutate, folder => TinyModel.Llama().WriteShards(folder, 2)));

    public static ITarget Tokenizer() => new ReaderTarget(
        UseTokenizer,
        [.. Tokenizers.Select(name => new SeedFile("tokenizer.json", JsonMutator.Mutate,
            folder => File.Copy(Path.Combine(AppContext.BaseDirectory, "Tokenizers", $"{name}.json"), Path.Combine(folder, "tokenizer.json"))))]);

    public static ITarget Gpt2Tokenizer() => new ReaderTarget(UseTokenizer,
        new("vocab.json", JsonMutator.Mutate, WriteGpt2Tokenizer), new("merges.txt", LinesMutator.MutateWords, WriteGpt2Tokenizer), new("tokenizer_config.json", JsonMutator.Mutate, WriteGpt2Tokenizer),
        new("special_tokens_map.json", JsonMutator.Mutate, WriteGpt2Tokenizer), new("added_tokens.json", JsonMutator.Mutate, WriteGpt2Tokenizer));

    public static ITarget JsonLines() => DataReader("data.jsonl", LinesMutator.MutateJsonLines,
        """
        {"clean": "the cat sat", "corrupted": "the dog sat", "answers": [" on", 5], "distractors": [" off"]}
        {"clean": [1, 2, 3], "corrupted": [1, 5, 3], "answers": [7], "distractors": [8, 9], "note": {"a": [null, true, 1e5]}}
        {"clean": "caf\u00e9 \ud83d\ude00 é", "corrupted": "caf\u00e8 \ud83d\ude01 è", "answers": ["x"], "distractors": ["y"]}

        """,
        """
        {"clean": "the cat sat", "corrupted": "the dog sat", "answers": [" on", 5], "distractors": [" off"], "spans": {"who": [1, 2], "end": [2, 3]}}
        {"clean": [1, 2, 3], "corrupted": [1, 5, 3], "answers": [7], "distractors": [8, 9], "spans": {"end": [2, 3], "who": [0, 0]}}
        """,
        """
        [{"clean": [1, 2, 3], "corrupted": [1, 5, 3], "answers": [7], "distractors": [8, 9]},
         {"clean": "the cat sat", "corrupted": "the dog sat", "answers": [" on"], "distractors": [" off"]}]
        """);

    public static ITarget Parquet() => new ReaderTarget(folder => LoadData(Path.Combine(folder, "data.parquet")),
        new SeedFile("data.parquet", BytesMutator.Mutate, folder => ParquetFile.Write(Path.Combine(folder, "data.parquet"),
            Enumerable.Range(0, 3).Select(i => new ParquetRow { clean = "the cat sat", corrupted = "the dog sat", answers = [5 + i], distractors = [8] }))));

    public static ITarget Csv() => DataReader("data.csv", LinesMutator.MutateTable,
        "clean,corrupted,correct_idx,incorrect_idx\r\n\"a, \"\"b\"\"\",\"c, \"\"d\"\"\",14,15\r\n",
        "clean,corrupted,answers_idx,corrupted_answers_idx\na,b,\"[16, 17]\",[18]\n",
        "clean,corrupted,correct_idx,incorrect_idx,spans,who,length\nthe cat sat,the dog sat,14,15,1,2,4\n",
        "clean,corrupted,correct_idx\nfrom 1352 to 13,from 1301 to 13,52\n",
        "clean,corrupted,label\nfrom 1352 to 13,from 1301 to 13,52\n",
        "clean,corrupted,group,plural\nThe songs,The song,g,1\n");

    public static ITarget Verbs() => new ReaderTarget(folder => LoadData(Path.Combine(folder, "data.csv")), new SeedFile("verbs.csv", LinesMutator.MutateTable, folder =>
    {
        File.WriteAllText(Path.Combine(folder, "data.csv"), "clean,corrupted,group,plural\nThe songs,The song,g,1\n");
        File.WriteAllText(Path.Combine(folder, "verbs.csv"), "idx,sing,plur\n0,a,b\n1,c,d\n2,t,o\n");
    }));

    public static ITarget Scores() => new ReaderTarget(
        folder =>
        {
            var path = Path.Combine(folder, "scores.json");
            if (SpanScoreFile.TryRead(path) is { } bySpan)
            {
                Assert.InRange(bySpan.InGraph.EdgeCount, 0, bySpan.Graph.Edges);
                return;
            }
            var file = ScoreFile.Read(path);
            Assert.InRange(file.InGraph.EdgeCount, 0, file.Graph.Edges);
        },
        [new SeedFile("scores.json", JsonMutator.Mutate, folder => SpanScoresOf(new SpanGraph(new ModelGraph(1, 2), ["a", "rest"])).Write(Path.Combine(folder, "scores.json"))), .. ((bool[])[false, true]).Select(parallel => new SeedFile("scores.json", JsonMutator.Mutate, folder => ScoresOf(new ModelGraph(2, 2, parallel)).Write(Path.Combine(folder, "scores.json"))))]);

    public static ITarget SavedScores() => new ReaderTarget(
        folder =>
        {
            var file = ScoreFile.Read(Path.Combine(folder, "scores.pt"));
            Assert.InRange(file.InGraph.EdgeCount, 0, file.Graph.Edges);
        },
        [.. ((bool[])[false, true]).Select(parallel => new SeedFile("scores.pt", TorchMutator.Mutate, folder => TorchScores.Write(Path.Combine(folder, "scores.pt"), ScoresOf(new ModelGraph(2, 2, parallel)))))]);

    private static ReaderTarget DataReader(string name, Func<Random, byte[], byte[]> mutate, params string[] contents) => new(
        folder => LoadData(Path.Combine(folder, name)),
        [.. contents.Select(content => new SeedFile(name, mutate, folder =>
        {
            File.WriteAllText(Path.Combine(folder, name), content);
            File.WriteAllText(Path.Combine(folder, "verbs.csv"), "idx,sing,plur\n0,a,b\n1,c,d\n");
        }))]);

    private static void LoadModel(string folder)
    {
        using var weights = ModelLoader.Load(folder);
        foreach (var layer in weights.Layers)
        {
            var matrix = layer.QueryKeyValue;
            matrix.ReadStoredRows(0, matrix.StoredTransposed ? matrix.Outputs : matrix.Inputs, new float[matrix.Inputs * matrix.Outputs]);
        }
    }

    private static void UseTokenizer(string folder)
    {
        var tokenizer = TokenizerLoader.TryLoad(folder)!;
        foreach (var text in Texts)
        {
            var ids = tokenizer.Encode(text);
            Assert.All(ids, id => Assert.InRange(id, 0, tokenizer.Count - 1));
            _ = tokenizer.Decode(ids);
        }
    }

    private static void LoadData(string path)
    {
        foreach (var example in PromptSet.Load(path, new WordTokenizer(), Shape)) Assert.Equal(example.Clean.Length, example.Corrupted.Length);
        if (!File.ReadAllText(path).Contains("spans", StringComparison.Ordinal)) return;
        foreach (var example in PromptSet.Load(path, new WordTokenizer(), Shape, PromptNeeds.Everything with { Positions = PositionKind.Spans }))
            Assert.All(example.Spans!, span => Assert.InRange(span.End, span.Start, example.Clean.Length));
    }

    private static void WriteGpt2Tokenizer(string folder)
    {
        void Write(string name, string content) => File.WriteAllText(Path.Combine(folder, name), content, new UTF8Encoding(false));
        Write("vocab.json", """{"a": 0, "b": 1, "c": 2, "Ġ": 3, "ab": 4, "Ġa": 5, "abc": 6, "<|endoftext|>": 7}""");
        Write("merges.txt", "#version: 0.2\na b\nĠ a\nab c\n");
        Write("tokenizer_config.json", """
            {"add_prefix_space": false, "bos_token": "<|endoftext|>", "add_bos_token": true, "tokenizer_class": "GPT2Tokenizer",
             "added_tokens_decoder": {"7": {"content": "<|endoftext|>", "special": true, "lstrip": false, "rstrip": false, "single_word": false, "normalized": true}}}
            """);
        Write("special_tokens_map.json", """{"bos_token": "<|endoftext|>", "eos_token": {"content": "<|endoftext|>", "special": true}, "additional_special_tokens": ["b"]}""");
        Write("added_tokens.json", """{"<mine>": 8}""");
    }

    private static SpanScoreFile SpanScoresOf(SpanGraph graph) => new()
    {
        Graph = graph,
        DModel = 2,
        Scores = new SpanScores(graph, new double[graph.Entries]),
        InGraph = new SpanCircuit(graph, graph.AllEdges.Take(5)),
        Run = new RunRecord { Model = "m" },
    };

    private static ScoreFile ScoresOf(ModelGraph graph) => new()
    {
        Graph = graph,
        DModel = 2,
        Scores = Small.RandomScores(graph, 1),
        InGraph = new Circuit(graph, RandomCircuits.Sample(graph, 5, 1).Edges, new NeuronSet(graph, 2, [0, 3, 4, 5])),
        Nodes = [.. Enumerable.Range(0, graph.Nodes).Select(i => new NodeEntry(i, [1, 2]))],
        Run = new RunRecord { Model = "m", Steps = 5, Options = new Dictionary<string, string> { ["a"] = "b" } },
    };
}
