using Faith.Kernels.Gpu;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>How a contraction's rows are cut, and the memory that it takes.</summary>
public sealed class ContractionScratchTests
{
    [Fact]
    public void TilesAreRowsOfOneSequenceAndPacksAreWholeTiles()
    {
        var layout = new Ragged([3, 1, 4, 40, 7, 9, 5], new int[7], new int[7], lastQueryOnly: false);
        Assert.Equal([0, 3, 4, 8, 24, 40, 48, 55, 64, 69], layout.TileOffsets);
        Assert.Equal([0, 1, 2, 3, 6, 7, 8, 9], layout.SequenceTiles);
        // 3 + 1 + 4, 16, 16, 8 + 7 and 9 + 5 rows.
        Assert.Equal([0, 3, 4, 5, 7, 9], layout.Packs);
        Assert.Equal(layout.Offsets[1..], layout.SequenceTiles[1..].Select(tile => layout.TileOffsets[tile]));
    }

    // docs/gpu.md has these figures.
    [Theory]
    [InlineData(132, 228, 50, 9, 79)] // H100
    [InlineData(128, 100, 72, 6, 53)]  // RTX 4090
    public void ChunksOfGpt2FillTheGpu(int multiprocessors, int sharedKilobytes, int cacheMegabytes, int packs, int megabytes)
    {
        var c = Gpt2([.. Enumerable.Repeat(16, 64)]);
        var wave = GpuScratch.WaveOfContraction(multiprocessors, sharedKilobytes << 10);
        var (bytes, least) = GpuScratch.OfContraction(c, (long)cacheMegabytes << 20, wave, 1L << 30);
        Assert.Equal(packs, GpuScratch.PacksIn(c, 0, bytes));
        Assert.Equal(megabytes, Math.Round(GpuScratch.BytesOfPacks(c, 0, packs) / 1e6));
        Assert.Equal(GpuScratch.BytesOfPacks(c, 0, 1), least);
        Assert.Equal((40, 1), GpuScratch.TileOfContraction(c));
        Assert.Equal((48, 16), GpuScratch.PartsOfContraction(768));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(20_000_000)]
    [InlineData(long.MaxValue)]
    public void ChunksTakeEveryPackOnceAndNoMoreThanTheyMay(long memory)
    {
        var c = Gpt2([5, 40, 3, 16, 1, 1, 30]);
        var packs = c.Layout.Packs.Length - 1;
        var (bytes, least) = GpuScratch.OfContraction(c, 0, 10_000, memory);
        Assert.InRange(bytes, least, Math.Max(memory, least));
        var first = 0;
        while (first < packs)
        {
            var taken = GpuScratch.PacksIn(c, first, bytes);
            Assert.InRange(GpuScratch.BytesOfPacks(c, first, taken), 1, bytes);
            first += taken;
        }
        Assert.Equal(packs, first);
        if (memory == long.MaxValue) Assert.Equal(GpuScratch.BytesOfPacks(c, 0, packs), bytes);
    }

    // The shape alone: nothing is computed.
    private static ScoreContraction Gpt2(int[] lengths)
    {
        var layout = new Ragged(lengths, new int[lengths.Length], new int[lengths.Length], lastQueryOnly: false);
        return new()
        {
            Layout = layout, Layers = 12, Heads = 12, HeadDim = 64, Group = 1, Centred = true, Parallel = false, ReducesLastLayer = true, Steps = 5,
            InputDifference = new(null, 0, layout.Rows, 768, 768), ContextDifference = [], MlpDifference = [], Output = [], QueryKeyValue = [],
            NormScale = [], Alpha = [], NormalizedInputs = [], StepProducts = [], MlpGradient = [], LogitsGradient = default, Scores = default,
        };
    }
}
