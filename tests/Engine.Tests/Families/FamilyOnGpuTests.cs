using Faith.Engine.Attribution;
using Faith.Engine.Graphs;
using Faith.Engine.Passes;
using Faith.PtxInterpreter;
using Xunit;

namespace Faith.Engine.Tests.Families;

/// <summary>The models of <see cref="FamilyTests"/> on the simulated GPU.</summary>
[Collection(SimulatedCuda.Name)]
public sealed class FamilyOnGpuTests
{
    public static TheoryData<string> Names() => FamilyTests.Names();

    [SimulatedTheory, MemberData(nameof(Names))]
    public void ScoresAgreeWithTransformers(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = SimulatedCuda.Open();
        using var model = new Transformer(device, directory.Load());
        var result = Attributor.Run(model, directory.Examples, new() { Method = "eap" });
        Close.Check(directory.Scores("eap", model.Graph), result.Scores.Values, 2e-5, family);
        Assert.Null(SimulatedGpu.Fault);
    }

    /// <summary>By tensor cores that cut what they add up: as close as the exact products must be.</summary>
    [SimulatedTheory, MemberData(nameof(Names))]
    public void ScoresOfTensorProductsAgreeWithTransformers(string family)
    {
        var directory = new FamilyDirectory(family);
        using var device = SimulatedCuda.OpenTensor(Accumulation.Truncated);
        using var model = new Transformer(device, directory.Load());
        var result = Attributor.Run(model, directory.Examples, new() { Method = "eap" });
        Close.Check(directory.Scores("eap", model.Graph), result.Scores.Values, 2e-5, family);
        Assert.Null(SimulatedGpu.Fault);
    }
}
