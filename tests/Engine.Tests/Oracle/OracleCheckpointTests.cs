using Faith.Engine.Models;
using Xunit;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Directories that the tests write hold the model that was written, and a trained model reads as it should.</summary>
public sealed class OracleCheckpointTests : IDisposable
{
    private readonly string folder = Directory.CreateTempSubdirectory("faith-oracle-").FullName;

    public void Dispose() => Directory.Delete(folder, recursive: true);

    [Theory]
    [InlineData("gpt2", StoredType.F32, 1)]
    [InlineData("gpt2", StoredType.F16, 3)]
    [InlineData("llama", StoredType.BF16, 1)]
    [InlineData("llama", StoredType.F32, 4)]
    [InlineData("qwen2", StoredType.BF16, 2)]
    public void ADirectoryHoldsTheModel(string family, StoredType type, int shards)
    {
        using var written = family switch
        {
            "gpt2" => RandomModels.Create(RandomModels.Gpt2Config(), 7, type: type),
            "llama" => RandomModels.Create(RandomModels.LlamaConfig(scaling: new Llama3Scaling(8, 1, 4, 16)), 7, type: type),
            _ => RandomModels.Create(RandomModels.LlamaConfig(tied: true) with { Family = "qwen2" }, 7, projectionBias: true, type: type),
        };
        HuggingFaceDirectory.Write(written, folder, type, shards);
        using var read = HuggingFaceDirectory.Read(folder);

        Assert.Equal(written.Config, read.Config);
        Assert.Equal(shards, Directory.GetFiles(folder, "*.safetensors").Length);
        var tokens = RandomExamples.Create(8, written.Config.Vocabulary)[0].Clean;
        Assert.Equal(OracleRun.Logits(written, tokens), OracleRun.Logits(read, tokens));
    }

    [Theory]
    [InlineData(1f, StoredType.BF16, 1f)]
    [InlineData(1.00390625f, StoredType.BF16, 1f)]          // halfway between 1 and 1 + 1/128: to even
    [InlineData(1.01171875f, StoredType.BF16, 1.015625f)]   // halfway between 1 + 1/128 and 1 + 2/128: to even
    [InlineData(1.005f, StoredType.BF16, 1.0078125f)]
    [InlineData(0.1f, StoredType.F16, 0.0999755859375f)]
    [InlineData(0.1f, StoredType.F32, 0.1f)]
    public void StoredNumbersAreRoundedToNearestEven(float value, StoredType type, float stored) => Assert.Equal(stored, type.Round(value));

    [SharedDataFact("stories260K")]
    public void ATrainedLlamaTellsItsStory()
    {
        // Rotary pairs, the grouping of heads, gate and up: exchange any two and no story comes out.
        var path = SharedData.Find("stories260K")!;
        using var weights = HuggingFaceDirectory.Read(path);
        var vocabulary = System.Text.Json.Nodes.JsonNode.Parse(File.ReadAllText(Path.Combine(path, "tokenizer.json")))!["model"]!["vocab"]!
            .AsObject().ToDictionary(entry => (int)entry.Value!, entry => entry.Key);
        var model = new LiteralModel(weights);

        const string Story = "Once upon a time, there was a little girl named Lily. She loved to play outside in th";
        List<int> tokens = [weights.Config.BeginToken!.Value];
        var text = "";
        while (text.Length < Story.Length)
        {
            var logits = model.Run(tokens.ToArray()).LastLogits;
            tokens.Add(Array.IndexOf(logits, logits.Max()));
            text += vocabulary[tokens[^1]].Replace('▁', ' ');
        }
        Assert.StartsWith(Story, text.TrimStart(), StringComparison.Ordinal);
    }
}
