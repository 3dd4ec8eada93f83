using Faith.Kernels.Cuda;
using Faith.Kernels.Host;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Cuda;

/// <summary>What the operations promise beyond their formula: the same bits however the work is cut, and what they count.</summary>
[Collection("cuda")]
public sealed class CudaContractTests(CudaFixture fixture)
{
    [Theory]
    [InlineData(WeightSide.Forward)]
    [InlineData(WeightSide.Transposed)]
    public void ARowOfAProductHasTheSameBitsInEveryTile(WeightSide side)
    {
        SimulatedGpu.Reset();
        const int rows = 300, width = 260;
        using var arena = new DeviceArena(fixture.Device);
        var context = new OpContext(fixture.Device, arena, 3);
        using var weights = fixture.Device.CreateWeights(new ArrayMatrix(context.Values(width * width), width, width, false));
        var (_, x) = context.Random(rows, width);
        float[] FirstRows(int count, string tile)
        {
            var y = arena.New(count, width);
            fixture.Device.Multiply(weights, side, x.RowRange(0, count), y);
            Assert.EndsWith(tile, SimulatedGpu.Launched[^1], StringComparison.Ordinal);
            return arena.Get(y.RowRange(0, 1));
        }
        var small = FirstRows(1, "small");
        Assert.Equal(small, FirstRows(40, "medium"));
        Assert.Equal(small, FirstRows(rows, "large"));
    }

    [Fact]
    public void EveryGemmKernelMatchesTheFormula()
    {
        SimulatedGpu.Reset();
        // More rows than the cases above have: all of the large tile's instructions run, its edges included.
        const int rows = 260, inputs = 37, outputs = 270;
        foreach (var precision in Enum.GetValues<WeightPrecision>())
            foreach (var stored in (bool[])[false, true])
            {
                using var arena = new DeviceArena(fixture.Device);
                var context = new OpContext(fixture.Device, arena, 5);
                var source = new TestMatrix(context.Values(inputs * outputs), inputs, outputs, stored, precision);
                using var weights = fixture.Device.CreateWeights(source);
                var (x, dx) = context.Random(rows, inputs);
                var y = arena.New(rows, outputs);
                fixture.Device.Multiply(weights, WeightSide.Forward, dx, y);
                var actual = arena.Get(y);
                for (var i = 0; i < rows; i++)
                    for (var j = 0; j < outputs; j++)
                        Assert.Equal(Enumerable.Range(0, inputs).Sum(l => x[i * inputs + l] * (double)source[l, j]),
                            actual[i * outputs + j], 1e-5);
            }
        Assert.Equal(4, SimulatedGpu.Launched.Where(k => k.EndsWith("large", StringComparison.Ordinal)).Distinct().Count());
    }

    private static readonly int[] Lengths = [3, 1, 4, 40, 7, 9, 5];

    [Fact]
    public void ScoresHaveTheSameBitsHoweverTheRowsAreCut()
    {
        SimulatedGpu.Reset();
        // Room for one pack at a time.
        using var onePack = new CudaDevice(fixture.Driver, CudaDevices.Probe(fixture.Driver).Devices[0]) { ContractionMemory = 1 };
        Assert.Equal(Scores(fixture.Device, Lengths), Scores(onePack, Lengths));
        // The rows 8, 16, 16, 15 and 14, of two layers each.
        Assert.Equal((5 + 1) * 2, SimulatedGpu.Launched.Count(k => k.StartsWith("contract_tiles", StringComparison.Ordinal)));
    }

    // Alone its first tile is a pack; beside others its tiles are in packs with theirs. Where all sequences have one row, every row is a last one.
    [Theory]
    [InlineData(false, 1, 21, 3, 6)]
    [InlineData(true, 1, 21, 3, 6)]
    [InlineData(true, 2, 1, 1, 3)]
    public void ScoresOfASequenceHaveTheSameBitsBesideOthers(bool lastMlpOnly, int first, params int[] lengths)
    {
        SimulatedGpu.Reset();
        using var host = new HostDevice(2);
        SameBitsBesideOthers(host, lastMlpOnly, lengths[..first], lengths);
        SameBitsBesideOthers(fixture.Device, lastMlpOnly, lengths[..first], lengths);
    }

    private static void SameBitsBesideOthers(Device device, bool lastMlpOnly, int[] someLengths, int[] lengths)
    {
        using var arena = new DeviceArena(device);
        ContractionSetup Setup(int[] of) =>
            new(new(device, arena, 11), of, 2, heads: 3, headDim: 100, group: 1, steps: 1, centred: true, parallel: false, lastMlpOnly: lastMlpOnly);
        var (alone, others) = (Setup(someLengths), Setup(lengths));
        var (few, all) = (alone.Contraction, others.Contraction);
        // Rows and sequences of the few are the first ones of all; weights are the same.
        foreach (var (to, from) in Views(all).Zip(Views(few)))
            device.Copy(from, to.RowRange(0, from.Rows));
        device.ContractScores(few);
        var weightsOfFew = all.Output.Concat(all.QueryKeyValue).Zip(few.Output.Concat(few.QueryKeyValue)).ToDictionary();
        device.ContractScores(all.Mapped(view => view, weights => weightsOfFew[weights]));
        var expected = alone.Scores();
        Assert.Equal(expected, others.Scores()[..expected.Length]);

        static IEnumerable<Tensor> Views(ScoreContraction c)
        {
            List<Tensor> views = [];
            c.Mapped(view =>
            {
                views.Add(view);
                return view;
            }, weights => weights);
            return views;
        }
    }

    [Fact]
    public void ScoresOfRandomShapesMatchTheFormula()
    {
        SimulatedGpu.Reset();
        var random = new Random(123);
        bool Either() => random.Next(2) == 0;
        for (var seed = 0; seed < 80; seed++)
        {
            int heads = new[] { 1, 2, 3, 4, 6, 8, 12, 13, 20 }[random.Next(9)], headDim = random.Next(1, Math.Min(20, 130 / heads) + 1), layers = random.Next(1, 5);
            var divisors = Enumerable.Range(1, heads).Where(group => heads % group == 0).ToArray();
            var group = divisors[random.Next(divisors.Length)];
            int[] lengths = [.. Enumerable.Range(0, random.Next(1, 6)).Select(_ => random.Next(5) == 0 ? random.Next(17, 40) : random.Next(1, 9))];
            using var arena = new DeviceArena(fixture.Device);
            var setup = new ContractionSetup(new(fixture.Device, arena, seed), lengths, layers, heads, headDim, group, steps: random.Next(4), centred: Either(), parallel: Either(),
                Either() ? WeightPrecision.Float32 : WeightPrecision.BFloat16, stored: Either(), lastMlpOnly: Either(), valuesAlone: random.Next(4) == 0);
            fixture.Device.ContractScores(setup.Contraction);
            var (actual, expected) = (setup.Scores(), setup.Expected());
            var tolerance = 3e-6 * expected.Max(Math.Abs);
            for (var i = 0; i < actual.Length; i++)
                Assert.True(Math.Abs(actual[i] - expected[i]) < tolerance, $"shape {seed}: {layers} layers of {heads} heads of {headDim} in groups of {group}, rows {string.Join(' ', lengths)}: entry {i} is {actual[i]}, not {expected[i]}");
        }
    }

    [Fact]
    public void AContractionTakesWhatMemoryThereIs()
    {
        SimulatedGpu.Reset();
        using var device = new CudaDevice(fixture.Driver, CudaDevices.Probe(fixture.Driver).Devices[0]);
        // Room for two of the packs of 16 rows, whose Δz take 9 KiB each, and what they multiply.
        var scores = Scores(device, Lengths, () => SimulatedGpu.MemoryBytes = SimulatedGpu.Memory.Used + 30000);
        Assert.InRange(SimulatedGpu.Launched.Count(k => k.StartsWith("contract_tiles", StringComparison.Ordinal)), 3, 12);
        SimulatedGpu.Reset();
        Assert.Equal(Scores(fixture.Device, Lengths), scores);
    }

    private static float[] Scores(CudaDevice device, int[] lengths, Action? before = null)
    {
        using var arena = new DeviceArena(device);
        var setup = new ContractionSetup(new(device, arena, 11), lengths, 2, heads: 3, headDim: 4, group: 1, steps: 2, centred: true,
            parallel: false, lastMlpOnly: true);
        before?.Invoke();
        device.ContractScores(setup.Contraction);
        return setup.Scores();
    }

    [Fact]
    public void AttentionOfASequenceDoesNotDependOnTheOthers()
    {
        SimulatedGpu.Reset();
        const int headDim = 8;
        using var arena = new DeviceArena(fixture.Device);
        var context = new OpContext(fixture.Device, arena, 4);
        var (_, q) = context.Random(45, headDim);
        var (_, k) = context.Random(45, headDim);
        var (_, v) = context.Random(45, headDim);
        float[] FirstFive(params int[] lengths)
        {
            var none = new int[lengths.Length];
            var layout = arena.Prepare(new Ragged(lengths, none, none, false));
            var (y, normalizers) = (arena.New(layout.Rows, headDim), arena.New(layout.Rows, 2));
            fixture.Device.AttentionForward(layout, new(1, headDim, 1, 1, 0.3f), q.RowRange(0, layout.Rows), k.RowRange(0, layout.Rows),
                v.RowRange(0, layout.Rows), default, default, y, normalizers);
            return arena.Get(y.RowRange(0, 5));
        }
        Assert.Equal(FirstFive(5), FirstFive(5, 40));
    }

    // A batch with a long sequence takes two kernels, without it one.
    [Theory]
    [InlineData(64, 64, false)]
    [InlineData(64, 40, true)]
    [InlineData(24, 33, false)]
    [InlineData(128, 32, false)]
    [InlineData(72, 19, true)]
    public void GradientsOfAShortSequenceHaveTheSameBitsBesideALongOne(int headDim, int suffix, bool lastOnly)
    {
        SimulatedGpu.Reset();
        const int heads = 2, prefix = 37, longer = 66;
        using var arena = new DeviceArena(fixture.Device);
        var context = new OpContext(fixture.Device, arena, 6);
        var (width, rows) = (heads * headDim, suffix + longer);
        var (_, q) = context.Random(rows, width, 0, 2);
        var (_, k) = context.Random(rows, width / 2, 0, 2);
        var (_, v) = context.Random(rows, width / 2);
        var (_, prefixK) = context.Random(prefix, width, 0, 2);
        var (_, prefixV) = context.Random(prefix, width);
        var (_, gradient) = context.Random(rows, width);
        float[][] Gradients(string kernels, params int[] lengths)
        {
            var layout = arena.Prepare(new Ragged(lengths, new int[lengths.Length], [.. lengths.Select(_ => prefix)], lastOnly));
            var shape = new AttentionShape(heads, headDim, 2, 1, 0.2f);
            var queries = layout.QueryRows;
            var (y, normalizers) = (arena.New(queries, width), arena.New(queries, 2 * heads));
            var (dq, dk, dv) = (arena.New(queries, width), arena.New(layout.Rows, width), arena.New(layout.Rows, width));
            Tensor Q(Tensor x) => x.RowRange(0, queries);
            Tensor K(Tensor x) => x.RowRange(0, layout.Rows);
            fixture.Device.AttentionForward(layout, shape, Q(q), K(k), K(v), prefixK, prefixV, y, normalizers);
            fixture.Device.AttentionBackward(layout, shape, Q(q), K(k), K(v), prefixK, prefixV, y, normalizers, Q(gradient), dq, dk, dv);
            Assert.StartsWith(kernels, SimulatedGpu.Launched[^1], StringComparison.Ordinal);
            return [arena.Get(dq.RowRange(0, lastOnly ? 1 : suffix)), arena.Get(dk.RowRange(0, suffix)), arena.Get(dv.RowRange(0, suffix))];
        }
        Assert.Equal(Gradients("attention_backward_short", suffix), Gradients("attention_backward_keys", suffix, longer));
    }

    [Fact]
    public void ProductsAreCounted()
    {
        SimulatedGpu.Reset();
        using var arena = new DeviceArena(fixture.Device);
        using var weights = fixture.Device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false));
        var before = fixture.Device.MatrixFlops;
        fixture.Device.Multiply(weights, WeightSide.Forward, arena.New(7, 3), arena.New(7, 5));
        Assert.Equal(2 * 7 * 3 * 5, fixture.Device.MatrixFlops - before);
    }

    [Fact]
    public void OperationsNeitherCopyNorWait()
    {
        SimulatedGpu.Reset();
        using var arena = new DeviceArena(fixture.Device);
        var setup = new ContractionSetup(new(fixture.Device, arena, 1), [3, 2], 2, heads: 2, headDim: 4, group: 1, steps: 2, centred: true,
            parallel: false);
        var (copies, waits) = (SimulatedGpu.Copies, SimulatedGpu.Waits);
        fixture.Device.ContractScores(setup.Contraction);
        Assert.Equal((copies, waits), (SimulatedGpu.Copies, SimulatedGpu.Waits));
    }

    [Fact]
    public void EmptyOperandsLaunchNothing()
    {
        SimulatedGpu.Reset();
        using var arena = new DeviceArena(fixture.Device);
        using var weights = fixture.Device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false));
        var x = arena.New(1, 3);
        fixture.Device.Multiply(weights, WeightSide.Forward, x.RowRange(0, 0), arena.New(1, 5).RowRange(0, 0));
        fixture.Device.Fill(x.RowRange(0, 0), 1);
        Assert.Empty(SimulatedGpu.Launched);
    }

    [Fact]
    public void ShapesThatDoNotFitAreRefused()
    {
        SimulatedGpu.Reset();
        using var arena = new DeviceArena(fixture.Device);
        using var weights = fixture.Device.CreateWeights(new ArrayMatrix(new float[15], 3, 5, false));
        var device = fixture.Device;
        Assert.Throws<ArgumentException>(() => device.Multiply(weights, WeightSide.Forward, arena.New(2, 4), arena.New(2, 5)));
        Assert.Throws<ArgumentException>(() => device.Multiply(weights, WeightSide.Forward, arena.New(2, 3), arena.New(2, 5), k0: 1));
        Assert.Throws<ArgumentException>(() => device.Copy(arena.New(2, 4), arena.New(2, 5)));
        var message = Assert.Throws<ArgumentException>(() =>
            device.NormForward(arena.New(2, 4), arena.New(1, 3), default, 0, true, arena.New(2, 4), default, default)).Message;
        Assert.Contains("scale is 1 × 3, not 1 × 4", message, StringComparison.Ordinal);
        Assert.Empty(SimulatedGpu.Launched);
    }

    [Fact]
    public void MixedProductsWithoutRowsAreNoneAndNeedRoomForAnInput()
    {
        SimulatedGpu.Reset();
        using var device = CudaDevices.Open(CudaDevices.Probe(fixture.Driver));
        using var arena = new DeviceArena(device);
        using var weights = device.CreateWeights(new ArrayMatrix([1, 2, 3, 4], 2, 2, false));
        void Multiply(int rows, int room) => device.MultiplyMixed(
            new(arena.New(rows, 2), arena.New(rows, 2), new(null, 0, 2), default, arena.New(1, 2), default, 1e-5f, Centred: true), weights,
            [new(0, 0, arena.New(rows, 2), default)], arena.New(room, 2));
        Multiply(0, 3);
        Assert.Empty(SimulatedGpu.Launched);
        Assert.StartsWith("2 rows of work for inputs of 3 rows", Assert.Throws<ArgumentException>(() => Multiply(3, 2)).Message, StringComparison.Ordinal);
    }
}
