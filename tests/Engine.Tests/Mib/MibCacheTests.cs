using Faith.Engine.Hub;
using Faith.Engine.Mib;
using Faith.Engine.Tests.Models;
using Xunit;

namespace Faith.Engine.Tests.Mib;

public sealed class MibCacheTests : IDisposable
{
    private readonly TemporaryDirectory directory = new();

    public void Dispose() => directory.Dispose();

    [Fact]
    public void A_data_set_of_the_cache_need_not_be_named()
    {
        var (cell, cache) = (MibCells.Named("mcqa_gemma2"), new HubCache(directory.File("hub")));
        var fault = Assert.Throws<InputException>(() => MibData.InCache(cell, cache)).Message;
        Assert.Contains("faith pull --dataset mib-bench/copycolors_mcqa", fault, StringComparison.Ordinal);
        var folder = Path.Combine(cache.Root, "datasets--mib-bench--copycolors_mcqa");
        var snapshot = Directory.CreateDirectory(Path.Combine(folder, "snapshots", new string('a', 40))).FullName;
        Assert.Equal(snapshot, MibData.InCache(cell, cache));
    }
}
