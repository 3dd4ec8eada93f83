using Faith.Kernels.Gpu;
using Faith.PtxInterpreter;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>Matrix products by tensor cores, in both ways in which these may add up.</summary>
[Collection("cuda")]
public sealed class TensorProductTests(SimulatedFixture exact, TensorProductTests.Fixture fixture) : IClassFixture<TensorProductTests.Fixture>
{
    // Against the exact products: the bound that docs/gpu.md states.
    private const double TimesExact = 4;

    /// <summary>A device that multiplies by tensor cores.</summary>
    public sealed class Fixture : IDisposable
    {
        public Fixture()
        {
            SimulatedGpu.Reset();
            Device = SimulatedFixture.Open(Products.Tensor);
        }

        public GpuDevice Device { get; }

        /// <summary>How far the exact products are from double precision, by cases.</summary>
        internal Dictionary<OpCase, IReadOnlyList<double>> Exact { get; } = [];

        public void Dispose() => Device.Dispose();
    }

    // Those with something behind the product compare one kernel with others; they follow below.
    private static IEnumerable<OpCase> Plain => Cases.All.Where(c => c.Op == "Multiply" && !c.Shape.Contains("then", StringComparison.Ordinal));

    /// <summary>
    /// The table of cases, within the tolerance of the exact products; and no more than four times as far from double precision as these are, case by case in the mean square,
    /// and at most in all of them. Whether fours are whole makes no difference.
    /// </summary>
    [Theory]
    [InlineData(Accumulation.RoundedOnce)]
    [InlineData(Accumulation.Truncated)]
    public void ProductsAreAsAccurateAsFloat32(Accumulation accumulation)
    {
        SimulatedGpu.Reset();
        WarpProduct.Accumulation = accumulation;
        double largest = 0, largestExact = 0;
        foreach (var item in Plain)
        {
            var results = Cases.Results(fixture.Device, item, out var deviations);
            Cases.AssertSame(results, Cases.Results(fixture.Device, item, aligned: true, compare: false), $"{item}, aligned");
            if (!fixture.Exact.TryGetValue(item, out var deviationsExact))
            {
                _ = Cases.Results(exact.Device, item, out deviationsExact);
                fixture.Exact.Add(item, deviationsExact);
            }
            if (deviations.Count == 0) continue;
            double MeanSquare(IReadOnlyList<double> x) => Math.Sqrt(x.Sum(d => d * d) / x.Count);
            // Of a few results the exact ones may be right by chance, to a fraction of the last bit.
            Assert.True(MeanSquare(deviations) <= TimesExact * Math.Max(MeanSquare(deviationsExact), 1e-8), $"{item}: {MeanSquare(deviations):e2}, exact products {MeanSquare(deviationsExact):e2}");
            (largest, largestExact) = (Math.Max(largest, deviations.Max()), Math.Max(largestExact, deviationsExact.Max()));
        }
        Assert.InRange(largest, 0, TimesExact * largestExact);
    }

    /// <summary>What follows a product, the contraction, whose differences are products, and products of two matrices of rows.</summary>
    [Theory]
    [InlineData("Multiply")]
    [InlineData("ContractScores")]
    [InlineData("Combine")]
    [InlineData("ContractRows")]
    public void AgreesWithTheReference(string operation)
    {
        SimulatedGpu.Reset();
        WarpProduct.Accumulation = Accumulation.Truncated;
        foreach (var item in Cases.All.Where(c => c.Op == operation).Except(Plain).Where((_, i) => i % 3 == 0)) _ = Cases.Results(fixture.Device, item, aligned: true);
    }

    /// <summary>Neither on its neighbours, nor on the tile that it falls into, nor on the order of blocks.</summary>
    [Fact]
    public void ARowDependsOnNothingElse()
    {
        SimulatedGpu.Reset();
        WarpProduct.Accumulation = Accumulation.Truncated;
        foreach (var item in Plain.Where((_, i) => i % 4 == 0))
        {
            var row = item.BatchRows / 2;
            var results = Cases.Results(fixture.Device, item, compare: false);
            Cases.AssertSame(Cases.OfRow(results, item, row), Cases.Results(fixture.Device, item, row, compare: false), $"{item}, row {row} alone");
            SimulatedGpu.ReverseBlocks = true;
            Cases.AssertSame(results, Cases.Results(fixture.Device, item, compare: false), $"{item}, blocks from the last to the first");
            SimulatedGpu.ReverseBlocks = false;
        }
    }

    /// <summary>Numbers at the ends of what a float32 holds, and what is none; parts end at 2^-133, bfloat16's smallest number.</summary>
    [Theory]
    [InlineData(1e-30f, 1e-7f)]
    [InlineData(3e-39f, 1f)]
    [InlineData(3e37f, 1f)]
    [InlineData(1e30f, 1e30f)]
    [InlineData(float.NaN, 1f)]
    [InlineData(float.PositiveInfinity, 1f)]
    public void LargeAndSmallNumbersAreThoseOfTheExactProducts(float x, float w)
    {
        SimulatedGpu.Reset();
        float[] Product(GpuDevice device)
        {
            using var weights = device.CreateWeights(new ArrayMatrix([1.3f * w, -w, 0.7f * w, 1.9f * w], 2, 2, false));
            using var memory = device.Allocate(4 * 8);
            Tensor a = new(memory, 0, 2, 2), y = new(memory, 4, 2, 2);
            device.Upload([x, 1.7f * x, 0.1f * x, 0], a);
            device.Multiply(weights, WeightSide.Forward, a, y);
            var values = new float[4];
            device.Download(y, values);
            return values;
        }
        foreach (var (expected, actual) in Product(exact.Device).Zip(Product(fixture.Device)))
            if (float.IsFinite(expected)) Assert.InRange(actual, expected - Math.Abs(expected) * 5e-7f - 1e-40f, expected + Math.Abs(expected) * 5e-7f + 1e-40f);
            else Assert.False(float.IsFinite(actual));
    }

    [Fact]
    public void TheDeviceSaysSo() => Assert.Equal(("cuda:0 Simulated GPU (sm_90, tensor products)", Products.Tensor, Products.Exact), (fixture.Device.Name, fixture.Device.Products, exact.Device.Products));
}
