using Faith.Engine.Passes;

namespace Faith.Engine.Attribution;

/// <summary>
/// Sums of many numbers whose result does not depend on the order: every term is rounded once to a multiple of 2⁻⁸⁰ and added
/// as a 128-bit integer. Terms of 2⁴⁰ and more, as where a gradient passes norms of a nearly empty stream, go to a second
/// integer of multiples of 2⁻¹⁰; they must stay below 2¹⁰⁰.
/// </summary>
internal sealed class ExactSum(int count)
{
    private const double Scale = 1208925819614629174706176.0; // 2⁸⁰
    private const double HalfRange = 18446744073709551616.0; // 2⁶⁴
    private const double Limit = 1099511627776.0; // 2⁴⁰
    private const double LargeScale = 1024; // 2¹⁰
    private const double LargeLimit = 1267650600228229401496703205376.0; // 2¹⁰⁰
    private readonly Int128[] sums = new Int128[count];
    private Int128[] large = [];

    /// <summary>Adds <paramref name="value"/> to entry <paramref name="index"/>.</summary>
    /// <exception cref="InputException">It is not a number or too large, as no finite activations make it.</exception>
    public void Add(int index, double value)
    {
        if (Math.Abs(value) < Limit)
        {
            // The conversion to Int128 in two halves, which is exact as that of the runtime is, and much faster.
            var magnitude = Math.Abs(value) * Scale;
            var high = (ulong)(magnitude / HalfRange);
            var term = new Int128(high, (ulong)(magnitude - high * HalfRange));
            if (value < 0) sums[index] -= term;
            else sums[index] += term;
            return;
        }
        if (!(Math.Abs(value) < LargeLimit)) throw new InputException($"scores are out of range ({value}): {FiniteMetric.Overflow}");
        if (large.Length == 0) large = new Int128[count];
        large[index] += (Int128)(value * LargeScale);
    }

    /// <summary>Adds all entries of another sum of as many.</summary>
    public void Add(ExactSum other)
    {
        for (var i = 0; i < sums.Length; i++) sums[i] += other.sums[i];
        if (other.large.Length == 0) return;
        if (large.Length == 0) large = new Int128[count];
        for (var i = 0; i < large.Length; i++) large[i] += other.large[i];
    }

    /// <summary>The sum of entry <paramref name="index"/>.</summary>
    public double this[int index] => (double)sums[index] / Scale + (large.Length == 0 ? 0 : (double)large[index] / LargeScale);
}
