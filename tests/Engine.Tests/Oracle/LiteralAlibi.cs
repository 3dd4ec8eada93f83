namespace Faith.Engine.Tests.Oracle;

/// <summary>Biases of attention scores as transformers builds them for Falcon: bfloat16(slope) times bfloat16(position), as a number of bfloat16.</summary>
internal static class LiteralAlibi
{
    /// <summary>[head][position].</summary>
    public static double[][] Of(int heads, int positions)
    {
        var closest = 1;
        while (2 * closest <= heads) closest *= 2;
        var slopes = new List<double>();
        var ratio = Math.Pow(2, -Math.Pow(2, -(Math.Log2(closest) - 3)));
        for (var power = 1; power <= closest; power++) slopes.Add(Math.Pow(ratio, power));
        ratio = Math.Pow(2, -Math.Pow(2, -(Math.Log2(2 * closest) - 3)));
        for (var power = 1; slopes.Count < heads; power += 2) slopes.Add(Math.Pow(ratio, power));
        return [.. slopes.Select(slope => Enumerable.Range(0, positions).Select(position => Round(Round(slope) * Round(position))).ToArray())];
    }

    // Eight digits in base two.
    private static double Round(double x)
    {
        if (x == 0) return 0;
        var unit = Math.Pow(2, Math.Floor(Math.Log2(x)) - 7);
        return Math.Round(x / unit, MidpointRounding.ToEven) * unit;
    }
}
