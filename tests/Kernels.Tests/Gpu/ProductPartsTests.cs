using Xunit;

namespace Faith.Kernels.Tests.Gpu;

/// <summary>
/// Why products of float32 weights are six products of parts in bfloat16 and not three in TF32, which would take a tensor core as long: what the parts
/// alone leave, every sum exact, against the bound that is kept (docs/gpu.md).
/// </summary>
public sealed class ProductPartsTests
{
    // Digits of the significand.
    private const int BFloat16 = 8, Tf32 = 11;
    private const double TimesExact = 4;
    private const int Pairs = 100_000;

    [Fact]
    public void ThreeProductsInTf32MissTheBoundThatSixInBFloat16Keep()
    {
        var random = new Random(1);
        double exact = 0, six = 0, three = 0;
        for (var i = 0; i < Pairs; i++)
        {
            float x = 1 + random.NextSingle(), w = 1 + random.NextSingle();
            var product = (double)x * w;
            double Deviation(double sum) => Math.Abs((float)sum - product) / product;
            var (x3, w3, x2, w2) = (Parts(x, BFloat16, 3), Parts(w, BFloat16, 3), Parts(x, Tf32, 2), Parts(w, Tf32, 2));
            Assert.Equal(((double)x, (double)w), (x3.Sum(), w3.Sum()));
            exact = Math.Max(exact, Deviation(product));
            six = Math.Max(six, Deviation(Enumerable.Range(0, 3).Sum(a => Enumerable.Range(0, 3 - a).Sum(b => x3[a] * w3[b]))));
            three = Math.Max(three, Deviation(x2[0] * w2[0] + x2[0] * w2[1] + x2[1] * w2[0]));
        }
        Assert.InRange(six, 0, TimesExact * exact);
        Assert.InRange(three, TimesExact * exact, double.MaxValue);
    }

    // What is left of a number is rounded to so many digits, again and again.
    private static double[] Parts(double x, int digits, int count)
    {
        var parts = new double[count];
        for (var i = 0; i < count && x != 0; i++)
        {
            var unit = Math.ScaleB(1, Math.ILogB(x) + 1 - digits);
            parts[i] = Math.Round(x / unit, MidpointRounding.ToEven) * unit;
            x -= parts[i];
        }
        return parts;
    }
}
