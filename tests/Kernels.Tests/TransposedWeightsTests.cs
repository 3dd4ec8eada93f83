using Faith.Kernels.Host;

namespace Faith.Kernels.Tests;

/// <summary>A product with Wᵀ has the bits of one with a matrix that is stored as Wᵀ, although only W is in memory.</summary>
public sealed class TransposedWeightsTests
{
    public static TheoryData<SimdWidth, WeightPrecision> Kinds()
    {
        var data = new TheoryData<SimdWidth, WeightPrecision>();
        foreach (var width in new[] { SimdWidth.Portable, SimdWidth.V256, SimdWidth.V512 }.Where(w => w <= HostDevice.Widest))
            foreach (var precision in Enum.GetValues<WeightPrecision>()) data.Add(width, precision);
        return data;
    }

    [Theory, MemberData(nameof(Kinds))]
    public void ProductsHaveTheSameBits(SimdWidth width, WeightPrecision precision)
    {
        using var device = new HostDevice(2, width);
        // Ranges of k and n at the borders of blocks, panels and registers, and off them; several blocks of k.
        foreach (var (inputs, outputs, k0, k, n0, n) in new[] { (40, 70, 0, 70, 0, 40), (130, 2000, 0, 2000, 0, 130), (100, 900, 5, 888, 3, 90), (65, 96, 31, 34, 33, 32), (33, 50, 49, 1, 0, 33), (1, 1, 0, 1, 0, 1) })
        {
            var random = new Random(inputs);
            // Whole numbers of 1/256, which all precisions hold.
            var values = Enumerable.Range(0, inputs * outputs).Select(_ => random.Next(-127, 128) / 256f).ToArray();
            using Weights once = device.CreateWeights(new ArrayMatrix(values, inputs, outputs, false, precision)), other = device.CreateWeights(new ArrayMatrix(values, outputs, inputs, true, precision));
            Assert.Equal(once.Bytes, other.Bytes);
            foreach (var rows in new[] { 1, 7, 300 })
            {
                float[] x = [.. Enumerable.Range(0, rows * k).Select(_ => random.NextSingle() - 0.5f)];
                Assert.Equal(Product(other, WeightSide.Forward), Product(once, WeightSide.Transposed));
                float[] Product(Weights weights, WeightSide side)
                {
                    using DeviceBuffer xMemory = device.Allocate(sizeof(float) * x.Length), yMemory = device.Allocate(sizeof(float) * rows * n);
                    Tensor from = new(xMemory, rows, k), to = new(yMemory, rows, n);
                    device.Upload(x, from);
                    device.Multiply(weights, side, from, to, k0: k0, n0: n0);
                    var result = new float[rows * n];
                    device.Download(to, result);
                    return result;
                }
            }
        }
    }
}
