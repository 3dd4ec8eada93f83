using System.Runtime.Intrinsics;
using Faith.Kernels.Host;

namespace Faith.Kernels.Tests;

public sealed class HalfBitsTests
{
    [Fact]
    public void EveryHalfIsWidenedExactlyAndNarrowedBack()
    {
        for (var bits = 0; bits <= ushort.MaxValue; bits++)
        {
            var half = BitConverter.UInt16BitsToHalf((ushort)bits);
            // The other half of the 32 bits makes no difference.
            float low = Float16Bits.Low(Vector256.Create(0xA5A50000u | (uint)bits))[0], high = Float16Bits.High(Vector256.Create((uint)bits << 16 | 0xA5A5))[7];
            Assert.Equal(low, high);
            Assert.Equal((float)half, low);
            if (Half.IsNaN(half)) Assert.True(float.IsNaN(low));
            else Assert.Equal(((float)half, bits), (low, Float16Bits.Narrow(low)));
            Assert.Equal(float.IsNegative((float)half), float.IsNegative(low));
        }
        Assert.True(Half.IsNaN(BitConverter.UInt16BitsToHalf(Float16Bits.Narrow(float.NaN))));
    }
}
