using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Models;
using Faith.Engine.Passes;
using Faith.Engine.Tests.Oracle;
using Faith.Engine.Tokenizers;
using Faith.Kernels;
using Xunit;
using Xunit.Abstractions;

namespace Faith.Engine.Tests.Models;

/// <summary>A trained Llama, when it is at hand: it must tell a story, and attribution must agree with the oracle on it.</summary>
public class StoriesTests(ITestOutputHelper output)
{
    private const string Model = "stories260K";

    [SharedDataFact(Model)]
    public void TellsItsStory()
    {
        var folder = SharedData.Find(Model)!;
        using var weights = ModelLoader.Load(folder);
        using var device = Devices.Open("cpu");
        using var model = new Transformer(device, weights);
        var tokenizer = TokenizerLoader.TryLoad(folder)!;
        var story = tokenizer.Decode([.. TextGenerator.Continue(model, [weights.Config.BeginToken!.Value], 60)]);
        output.WriteLine(story);
        Assert.StartsWith("Once upon a time, there was a little girl named Lily. She loved to play outside in th", story.TrimStart(), StringComparison.Ordinal);
    }

    [SharedDataFact(Model)]
    public void ScoresAgreeWithTheOracle()
    {
        var folder = SharedData.Find(Model)!;
        using var weights = ModelLoader.Load(folder);
        using var device = Devices.Open("cpu");
        using var model = new Transformer(device, weights);
        int[] clean = [weights.Config.BeginToken!.Value, .. TokenizerLoader.TryLoad(folder)!.Encode("Tom and Lily went to the park. Lily saw")];
        var corrupted = clean.Select((token, i) => i is 4 or 13 ? token + 1 : token).ToArray();
        Example[] data = [new Example(clean, corrupted, [261], [263])];
        var options = new AttributionOptions { Steps = 3 };
        var expected = OracleRun.Scores(weights, data, OracleMethod.EapIg, 3);
        Close.Check(expected, Attributor.Run(model, data, options).Scores.Values, 1e-5, "stories260K");
    }
}
