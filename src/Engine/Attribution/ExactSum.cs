namespace Faith.Engine.Attribution;

/// <summary>
/// Sums of many numbers whose result does not depend on the order: every term is rounded once to a multiple of 2⁻⁸⁰ and added
/// as a 128-bit integer. Terms must stay below 2⁴⁰ in magnitude.
/// </summary>
internal sealed class ExactSum(int count)
{
    private const double Scale = 1208925819614629174706176.0; // 2⁸⁰
    private const double Limit = 1099511627776.0; // 2⁴⁰
    private readonly Int128[] sums = new Int128[count];

    /// <summary>Adds <paramref name="value"/> to entry <paramref name="index"/>.</summary>
    public void Add(int index, double value)
    {
        if (!(Math.Abs(value) < Limit)) throw new ArithmeticException($"score {value} is out of range: the model's activations are not finite or absurdly large");
        sums[index] += (Int128)(value * Scale);
    }

    /// <summary>The sum of entry <paramref name="index"/>.</summary>
    public double this[int index] => (double)sums[index] / Scale;
}
