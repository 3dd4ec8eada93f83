using System.Text.Json.Nodes;
using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Attribution;
using Faith.Engine.Tests.Models;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels;
using Faith.Kernels.Host;
using Xunit;
using StoredTensor = Faith.Engine.Tests.Oracle.StoredTensor;

namespace Faith.Engine.Tests.Families;

/// <summary>The parts that models under the names of TransformerLens may have or not: MLPs, rotary positions, parallel blocks; configurations are those of a config.json.</summary>
public sealed class TransformerLensPartsTests
{
    [Theory]
    [InlineData(false, "standard", false, StoredType.F32)]
    [InlineData(true, "standard", false, StoredType.F32)]
    [InlineData(false, "rotary", true, StoredType.BF16)]
    [InlineData(true, "rotary", false, StoredType.F16)]
    [InlineData(true, "shortformer", false, StoredType.F32)]
    [InlineData(false, "shortformer", true, StoredType.BF16)]
    [InlineData(true, "shortformer_pos", false, StoredType.F32)]
    public void AModelIsReadAsItWasWritten(bool isAlone, string positions, bool isParallel, StoredType type)
    {
        using var weights = Make(isAlone, positions, isParallel, type);
        using var folder = Write(weights, isAlone, type, config => SayPositions(config, positions));
        using var read = ModelLoader.Load(folder.Path);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, read);
        int[] prompt = [5, 17, 3, 3, 40, 21];
        Close.Check(new LiteralModel(weights).Run(prompt).LastLogits, Array.ConvertAll(TextGenerator.LastLogits(model, prompt), x => (double)x), 1e-5, "logits");

        var data = RandomExamples.Create(7, weights.Config.Vocabulary, count: 3);
        var scores = Scoring.Scores(read, data, new() { Method = "eap-ig", Steps = 3 });
        Close.Check(OracleRun.Scores(weights, data, OracleMethod.EapIg, steps: 3), scores, 1e-5, "eap-ig");
        if (!isAlone) return;
        var graph = model.Graph;
        Assert.All(Enumerable.Range(0, graph.Layers).SelectMany(l => graph.InEdges(graph.MlpColumn(l))), edge => Assert.Equal(0, scores[edge.Index]));
    }

    [Theory]
    [InlineData("shortformer_pos", "true", "shortformer_pos is true; supported: false beside positional_embedding_type = standard")]
    [InlineData("positional_embedding_type", "\"alibi\"", "positional_embedding_type is \"alibi\"; supported: standard, rotary, shortformer")]
    [InlineData("normalization", "\"LNPost\"", "normalization is \"LNPost\"; supported: LN, LNPre, RMS, RMSPre")]
    [InlineData("normalization_type", "null", "normalization_type is absent; supported: LN, LNPre, RMS, RMSPre")]
    [InlineData("act_fn", "\"solu_ln\"", "act_fn is \"solu_ln\"; supported: gelu")]
    [InlineData("gated_mlp", "true", "gated_mlp is true; supported: false")]
    [InlineData("num_experts", "4", "num_experts is 4; supported: null")]
    [InlineData("rotary_base_local", "10000", "rotary_base_local is 10000; supported: null")]
    [InlineData("use_yarn_rope", "true", "use_yarn_rope is true; supported: false")]
    [InlineData("rmsnorm_uses_offset", "true", "rmsnorm_uses_offset is true; supported: false")]
    [InlineData("attn_only", "true", "unexpected tensor 'blocks.0.ln2.w'")]
    [InlineData("n_key_value_heads", "2", "n_key_value_heads is 2; supported: n_heads = 4")]
    [InlineData("output_logits_soft_cap", "30.0", "output_logits_soft_cap is 30.0; supported: -1, none")]
    [InlineData("d_head", "4", "tensor 'blocks.0.attn.W_Q' has shape [4, 32, 8]; config.json makes it [4, 32, 4]")]
    public void WhatIsNotSupportedIsNamed(string key, string json, string expected)
    {
        using var weights = Make(isAlone: false, "standard", isParallel: false, StoredType.F32);
        using var folder = Write(weights, isAlone: false, StoredType.F32, config => config[key] = JsonNode.Parse(json));
        Assert.Contains(expected, Assert.Throws<InputException>(() => ModelLoader.Load(folder.Path).Dispose()).Message);
    }

    private static void SayPositions(JsonObject config, string positions)
    {
        config["positional_embedding_type"] = positions;
        if (positions != "shortformer_pos") return;
        // As training runs of toys say it.
        (config["positional_embedding_type"], config[positions], config["normalization_type"], config["normalization"]) = (null, true, null, "LN");
    }

    private static ModelWeights Make(bool isAlone, string positions, bool isParallel, StoredType type)
    {
        var config = RandomModels.Gpt2Config() with
        {
            Family = "transformer_lens", TiedEmbedding = false, ParallelBlocks = isParallel, MlpWidth = isAlone ? 1 : 48,
            PositionsInAttention = positions.StartsWith("shortformer", StringComparison.Ordinal),
            Rotary = positions == "rotary" ? new RotaryConfig(500, 6) { Interleaved = true } : null,
        };
        var made = RandomModels.Create(config, 3, type: type);
        return new()
        {
            Config = config, Embedding = made.Embedding, Positions = made.Positions, FinalNormScale = made.FinalNormScale, FinalNormShift = made.FinalNormShift, Unembedding = made.Unembedding,
            UnembeddingBias = [.. Enumerable.Range(0, config.Vocabulary).Select(i => type.Round(0.01f * i))],
            Layers = [.. made.Layers.Select(layer => isAlone ? layer with { Down = new ArrayMatrix(new float[config.Width], 1, config.Width, storedTransposed: false), DownBias = null } : layer)],
        };
    }

    private static TemporaryDirectory Write(ModelWeights weights, bool isAlone, StoredType type, Action<JsonObject> change)
    {
        var (c, folder) = (weights.Config, new TemporaryDirectory());
        var config = new JsonObject
        {
            ["n_layers"] = c.Layers, ["d_model"] = c.Width, ["n_ctx"] = c.Context, ["d_head"] = c.HeadDim, ["n_heads"] = c.Heads, ["d_mlp"] = isAlone ? 128 : c.MlpWidth,
            ["d_vocab"] = c.Vocabulary, ["act_fn"] = isAlone ? null : "gelu_new", ["eps"] = 1e-5, ["normalization_type"] = "LN", ["attn_only"] = isAlone,
            ["parallel_attn_mlp"] = c.ParallelBlocks, ["positional_embedding_type"] = "standard", ["rotary_dim"] = c.Rotary is null ? null : 6,
            ["rotary_base"] = 500, ["rotary_adjacent_pairs"] = true, ["attn_scale"] = -1.0, ["attn_scores_soft_cap"] = -1.0, ["attention_dir"] = "causal",
        };
        change(config);
        File.WriteAllText(folder.File("config.json"), config.ToJsonString());
        Safetensors.Write(folder.File("model.safetensors"), [.. Tensors(weights, isAlone)], type);
        return folder;
    }

    private static IEnumerable<StoredTensor> Tensors(ModelWeights weights, bool isAlone)
    {
        var c = weights.Config;
        static float[] Flat(double[][] rows) => [.. rows.SelectMany(row => row).Select(x => (float)x)];
        static StoredTensor Vector(string name, float[] values) => new(name, [values.Length], values);
        static StoredTensor Matrix(string name, double[][] rows) => new(name, [rows.Length, rows[0].Length], Flat(rows));

        yield return Matrix("embed.W_E", LiteralMatrix.Read(weights.Embedding));
        if (weights.Positions is { } positions) yield return Matrix("pos_embed.W_pos", LiteralMatrix.Read(positions));
        for (var l = 0; l < c.Layers; l++)
        {
            var (layer, name) = (weights.Layers[l], $"blocks.{l}.");
            yield return Vector(name + "ln1.w", layer.AttentionNormScale!);
            yield return Vector(name + "ln1.b", layer.AttentionNormShift!);
            var projection = LiteralMatrix.Read(layer.QueryKeyValue);
            for (var part = 0; part < 3; part++)
            {
                var first = part * c.QueryWidth;
                var letter = "QKV"[part];
                yield return new($"{name}attn.W_{letter}", [c.Heads, c.Width, c.HeadDim],
                    [.. Enumerable.Range(0, c.Heads).SelectMany(h => Flat(LiteralMatrix.Columns(projection, first + h * c.HeadDim, c.HeadDim)))]);
                yield return new($"{name}attn.b_{letter}", [c.Heads, c.HeadDim], layer.QueryKeyValueBias![first..(first + c.QueryWidth)]);
            }
            yield return new(name + "attn.W_O", [c.Heads, c.HeadDim, c.Width], Flat(LiteralMatrix.Read(layer.Output)));
            yield return Vector(name + "attn.b_O", layer.OutputBias!);
            yield return new(name + "attn.IGNORE", [], [-1e5f]);
            if (isAlone) continue;
            yield return Vector(name + "ln2.w", layer.MlpNormScale!);
            yield return Vector(name + "ln2.b", layer.MlpNormShift!);
            yield return Matrix(name + "mlp.W_in", LiteralMatrix.Read(layer.Up));
            yield return Vector(name + "mlp.b_in", layer.UpBias!);
            yield return Matrix(name + "mlp.W_out", LiteralMatrix.Read(layer.Down));
            yield return Vector(name + "mlp.b_out", layer.DownBias!);
        }
        yield return Vector("ln_final.w", weights.FinalNormScale);
        yield return Vector("ln_final.b", weights.FinalNormShift!);
        yield return Matrix("unembed.W_U", LiteralMatrix.Transpose(LiteralMatrix.Read(weights.Unembedding)));
        yield return Vector("unembed.b_U", weights.UnembeddingBias!);
    }
}
