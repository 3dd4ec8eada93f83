using System.Numerics;

namespace Faith.Engine.Tasks;

/// <summary>
/// A pseudo-random order of the numbers below a size, computed one by one: a four-round Feistel network over the next even number
/// of bits, walked until it falls inside the range. Nothing is stored, so a space of a hundred million prompts costs nothing, and no
/// number comes twice.
/// </summary>
internal readonly struct Shuffle
{
    private const int Rounds = 4;
    private readonly ulong seed;
    private readonly int halfBits;

    public Shuffle(long size, ulong seed)
    {
        Size = size;
        this.seed = seed;
        halfBits = Math.Max(1, (BitOperations.Log2((ulong)size) + 2) / 2);
    }

    /// <summary>How many numbers there are.</summary>
    public long Size { get; }

    /// <summary>The number at a place of the order.</summary>
    public long this[long place]
    {
        get
        {
            var value = (ulong)place;
            // A permutation of the larger range leads every inside point back inside, and the larger range is at most four times as large.
            do value = Permute(value); while (value >= (ulong)Size);
            return (long)value;
        }
    }

    private ulong Permute(ulong value)
    {
        var mask = (1UL << halfBits) - 1;
        ulong left = value >> halfBits, right = value & mask;
        for (var round = 1; round <= Rounds; round++)
        {
            var mixed = SplitMix64.Mix(SplitMix64.Mix(seed + (ulong)round) ^ right) & mask;
            (left, right) = (right, left ^ mixed);
        }
        return left << halfBits | right;
    }
}
