using System.Numerics;
using System.Runtime.CompilerServices;

namespace Faith.PtxInterpreter;

/// <summary>How a tensor core adds up what it multiplies. PTX leaves order and rounding open; these are the ends of what it allows.</summary>
public enum Accumulation
{
    /// <summary>The exact sum of all products and the addend, rounded once to the nearest float32.</summary>
    RoundedOnce,
    /// <summary>
    /// One product after another, in no more than single precision: both terms are cut, towards zero, at the last bit of the larger, and so is their sum. Worse than any GPU
    /// that has been measured: those align several products at a time, with a bit or more to spare.
    /// </summary>
    Truncated,
}

/// <summary>
/// mma.sync: a warp multiplies a 16×k matrix of rows with a k×8 matrix of columns and adds a 16×8 one. Products are exact, as the factors are short; see
/// <see cref="Accumulation"/>. Lane l holds of A rows l/4 and l/4 + 8, of B column l/4, and of C and D columns 2·(l mod 4) and the next.
/// </summary>
public static unsafe class WarpProduct
{
    private const int Rows = 16, Columns = 8;
    // Registers of a lane: of D, A, B and C.
    internal static readonly int[] Registers = [4, 4, 2, 4];

    /// <summary>What every multiplication does from now on.</summary>
    public static Accumulation Accumulation { get; set; }

    /// <summary>m16n8k16 on bfloat16, two numbers a register.</summary>
    public static void MultiplyBrain(Instruction i, Warp w)
    {
        const int depth = 16;
        double* a = stackalloc double[Rows * depth], b = stackalloc double[Columns * depth];
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            int group = lane >> 2, k = 2 * (lane & 3);
            for (var n = 0; n < 4; n++) Brains(w, i.Values[4 + n], lane, a + (group + 8 * (n & 1)) * depth + k + 8 * (n >> 1));
            for (var n = 0; n < 2; n++) Brains(w, i.Values[8 + n], lane, b + group * depth + k + 8 * n);
        }
        Accumulate(i, w, a, b, depth);
    }

    /// <summary>m16n8k8 on TF32, a number a register, of which PTX wants the last 13 bits to be zero.</summary>
    public static void MultiplyTf32(Instruction i, Warp w)
    {
        const int depth = 8;
        double* a = stackalloc double[Rows * depth], b = stackalloc double[Columns * depth];
        for (var lane = 0; lane < Warp.Lanes; lane++)
        {
            int group = lane >> 2, k = lane & 3;
            for (var n = 0; n < 4; n++) a[(group + 8 * (n & 1)) * depth + k + 4 * (n >> 1)] = Tf32(i, w, i.Values[4 + n], lane);
            for (var n = 0; n < 2; n++) b[group * depth + k + 4 * n] = Tf32(i, w, i.Values[8 + n], lane);
        }
        Accumulate(i, w, a, b, depth);
    }

    private static void Brains(Warp w, int register, int lane, double* to)
    {
        var both = ((uint*)(w.Registers + register))[lane];
        (to[0], to[1]) = (BitConverter.UInt32BitsToSingle(both << 16), BitConverter.UInt32BitsToSingle(both & 0xffff0000));
    }

    private static double Tf32(Instruction i, Warp w, int register, int lane)
    {
        var bits = ((uint*)(w.Registers + register))[lane];
        return (bits & 0x1fff) == 0 ? BitConverter.UInt32BitsToSingle(bits) : throw w.Failure(i, $"{bits:x8} of lane {lane} is no TF32 number");
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Accumulate(Instruction i, Warp w, double* a, double* b, int depth)
    {
        var results = stackalloc float[4 * Warp.Lanes];
        for (var lane = 0; lane < Warp.Lanes; lane++)
            for (var n = 0; n < 4; n++)
            {
                var c = ((float*)(w.Registers + i.Values[10 + n]))[lane];
                double* row = a + ((lane >> 2) + 8 * (n >> 1)) * depth, column = b + (2 * (lane & 3) + (n & 1)) * depth;
                results[n * Warp.Lanes + lane] = Accumulation == Accumulation.RoundedOnce ? RoundedOnce(c, row, column, depth) : Truncated(c, row, column, depth);
            }
        for (var n = 0; n < 4; n++) new ReadOnlySpan<float>(results + n * Warp.Lanes, Warp.Lanes).CopyTo(new(w.Registers + i.Values[n], Warp.Lanes));
    }

    private static float RoundedOnce(float c, double* row, double* column, int depth)
    {
        double sum = c, lost = 0;
        for (var k = 0; k < depth; k++)
        {
            double product = row[k] * column[k], next = sum + product, back = next - sum;
            lost += Math.Abs(sum - (next - back)) + Math.Abs(product - back);
            sum = next;
        }
        if (lost == 0 || !double.IsFinite(sum)) return (float)sum;
        var exact = Exact(c);
        for (var k = 0; k < depth; k++) exact += Exact(row[k] * column[k]);
        return Rounded(exact);
    }

    // Numbers as multiples of 2^-300, which is below the last bit of any product.
    private const int Unit = 300;

    private static BigInteger Exact(double x)
    {
        var bits = BitConverter.DoubleToInt64Bits(x);
        if (x == 0) return 0;
        var scaled = (BigInteger)(bits & (1L << 52) - 1 | 1L << 52) << (int)(bits >> 52 & 0x7ff) - 1075 + Unit + 53 >> 53;
        return x < 0 ? -scaled : scaled;
    }

    // The nearest float32: of a double that keeps 52 bits and whether any were left out, which rounds as the number itself.
    private static float Rounded(BigInteger x)
    {
        var magnitude = BigInteger.Abs(x);
        var shift = (int)Math.Max(0, (long)magnitude.GetBitLength() - 52);
        var kept = (long)(magnitude >> shift) << 1 | ((magnitude & (BigInteger.One << shift) - 1).IsZero ? 0L : 1L);
        return (float)(x.Sign * Math.ScaleB(kept, shift - 1 - Unit));
    }

    private static float Truncated(float c, double* row, double* column, int depth)
    {
        var sum = (double)c;
        for (var k = 0; k < depth; k++)
        {
            var product = row[k] * column[k];
            if (!double.IsFinite(sum) || !double.IsFinite(product))
            {
                sum += product;
                continue;
            }
            var larger = Math.Max(ExponentOf(sum), ExponentOf(product));
            sum = Cut(sum, larger) + Cut(product, larger);
            sum = Cut(sum, ExponentOf(sum));
        }
        return (float)sum;
    }

    private static int ExponentOf(double x) => (int)(BitConverter.DoubleToInt64Bits(x) >> 52 & 0x7ff);

    // Cut, towards zero, at the last bit of a float32 with this exponent (a double's, as it stands in the bits); the smallest ones share theirs.
    private static double Cut(double x, int exponent)
    {
        const int surplus = 52 - 23, smallest = 1023 - 126;
        var bits = BitConverter.DoubleToInt64Bits(x);
        var drop = surplus + Math.Max(exponent, smallest) - ExponentOf(x);
        return drop > 52 ? 0 : BitConverter.Int64BitsToDouble(bits & -(1L << drop));
    }
}
