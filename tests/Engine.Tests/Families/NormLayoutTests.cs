using System.Text.Json.Nodes;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Models;
using Faith.Engine.Tests.Oracle;
using Faith.Kernels.Host;
using Xunit;
using StoredTensor = Faith.Engine.Tests.Oracle.StoredTensor;

namespace Faith.Engine.Tests.Families;

/// <summary>What the sizes of a family norm that its model in these folders does not: written here after the modelling code, read back, and compared with the oracle.</summary>
public sealed class NormLayoutTests
{
    private readonly Random random = new(4);

    private float[] Numbers(int count, float mean) => [.. Enumerable.Range(0, count).Select(_ => mean + random.NextSingle() - 0.5f)];

    [Fact]
    public void PhiNormsQueriesAndKeysOfEveryHead()
    {
        using var plain = new FamilyDirectory("phi").Load();
        var c = plain.Config;
        LayerWeights[] layers = [.. plain.Layers.Select(layer => layer with
        {
            QueryNormScale = Numbers(c.HeadDim, 1.5f), QueryNormShift = Numbers(c.HeadDim, 0), KeyNormScale = Numbers(c.HeadDim, 1.5f), KeyNormShift = Numbers(c.HeadDim, 0),
        })];
        var norms = layers.SelectMany((layer, l) => new (string Name, float[] Values)[]
        {
            ("q_layernorm.weight", layer.QueryNormScale!), ("q_layernorm.bias", layer.QueryNormShift!), ("k_layernorm.weight", layer.KeyNormScale!), ("k_layernorm.bias", layer.KeyNormShift!),
        }.Select(norm => new StoredTensor($"model.layers.{l}.self_attn.{norm.Name}", [c.HeadDim], norm.Values)));
        Check("phi", plain, c with { QueryKeyNorm = QueryKeyNorm.Heads }, layers, config => config["qk_layernorm"] = true, tensors => [.. tensors, .. norms]);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void StableLmNormsQueriesAndKeysOfEveryHeadByWeightsOfItsOwn(bool isParallel)
    {
        using var plain = new FamilyDirectory("stablelm").Load();
        var c = plain.Config with { QueryKeyNorm = QueryKeyNorm.OwnHeads, ParallelBlocks = isParallel };
        LayerWeights[] layers = [.. plain.Layers.Select(layer => layer with
        {
            QueryNormScale = Numbers(c.QueryWidth, 1.5f), KeyNormScale = Numbers(c.KeyWidth, 1.5f),
            MlpNormScale = isParallel ? layer.AttentionNormScale : layer.MlpNormScale, MlpNormShift = isParallel ? layer.AttentionNormShift : layer.MlpNormShift,
        })];
        var norms = layers.SelectMany((layer, l) => new (string Name, float[] Values)[] { ("q_layernorm", layer.QueryNormScale!), ("k_layernorm", layer.KeyNormScale!) }
            .SelectMany(norm => norm.Values.Chunk(c.HeadDim).Select((values, h) => new StoredTensor($"model.layers.{l}.self_attn.{norm.Name}.norms.{h}.weight", [c.HeadDim], values))));
        Check("stablelm", plain, c, layers, config => (config["qk_layernorm"], config["use_parallel_residual"]) = (true, isParallel),
            tensors => [.. tensors.Where(tensor => !isParallel || !tensor.Name.Contains("post_attention_layernorm", StringComparison.Ordinal)), .. norms]);
    }

    [Fact]
    public void StableLmHasParallelBlocksBehindOneNorm()
    {
        using var plain = new FamilyDirectory("stablelm").Load();
        Check("stablelm", plain, plain.Config with { ParallelBlocks = true },
            [.. plain.Layers.Select(layer => layer with { MlpNormScale = layer.AttentionNormScale, MlpNormShift = layer.AttentionNormShift })],
            config => config["use_parallel_residual"] = true, tensors => [.. tensors.Where(tensor => !tensor.Name.Contains("post_attention_layernorm", StringComparison.Ordinal))]);
    }

    private static void Check(string family, ModelWeights plain, ModelConfig config, LayerWeights[] layers, Action<JsonObject> change, Func<IEnumerable<StoredTensor>, StoredTensor[]> tensors)
    {
        var directory = new FamilyDirectory(family);
        using var folder = directory.With(change);
        Safetensors.Write(folder.File("model.safetensors"), tensors(Safetensors.Read(Path.Combine(directory.Folder, "model.safetensors"))), StoredType.F32);
        using var read = ModelLoader.Load(folder.Path);
        Assert.Equal(config, read.Config);
        using var expected = new ModelWeights
        {
            Config = config, Layers = layers, Embedding = plain.Embedding, Positions = plain.Positions, FinalNormScale = plain.FinalNormScale, FinalNormShift = plain.FinalNormShift,
            Unembedding = plain.Unembedding, UnembeddingBias = plain.UnembeddingBias,
        };
        var oracle = new LiteralModel(expected);
        using var device = new HostDevice(1);
        using var model = new Transformer(device, read);
        foreach (var example in directory.Examples)
            Close.Check(oracle.Run(example.Clean).LastLogits, Array.ConvertAll(TextGenerator.LastLogits(model, example.Clean), x => (double)x), 1e-5, family);
    }
}
