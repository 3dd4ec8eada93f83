namespace Faith.Engine.Circuits;

/// <summary>SplitMix64 (Steele, Lea and Flood 2014): the same numbers for a seed on every platform and in every version.</summary>
internal struct Random64(ulong seed)
{
    private ulong state = seed;

    /// <summary>The seed of one that goes on from here.</summary>
    public readonly ulong State => state;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        state += 0x9E3779B97F4A7C15;
        var z = state;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }

    /// <summary>A number from 0 to <paramref name="bound"/> − 1, each equally likely.</summary>
    public int Below(int bound)
    {
        // Numbers under the remainder of 2^64 by the bound would make the small results a little likelier.
        var reject = (0UL - (ulong)bound) % (ulong)bound;
        ulong low, high;
        do high = Math.BigMul(Next(), (ulong)bound, out low);
        while (low < reject);
        return (int)high;
    }

    /// <summary>A number from [0, 1).</summary>
    public double Unit() => (Next() >> 11) * (1.0 / (1UL << 53));

    /// <summary>Puts a span into random order.</summary>
    public void Shuffle<T>(Span<T> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Below(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
