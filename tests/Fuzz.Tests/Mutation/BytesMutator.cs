namespace Faith.Fuzz.Tests.Mutation;

/// <summary>Damages bytes without knowing what they mean.</summary>
internal static class BytesMutator
{
    private const int LongestPiece = 64;

    /// <summary>A copy with one to four edits.</summary>
    public static byte[] Mutate(Random random, byte[] original)
    {
        var bytes = new List<byte>(original);
        for (var edits = random.Next(1, 5); edits > 0 && bytes.Count > 0; edits--) Edit(random, bytes);
        return [.. bytes];
    }

    private static void Edit(Random random, List<byte> bytes)
    {
        var at = random.Next(bytes.Count);
        var length = Math.Min(random.Next(1, LongestPiece), bytes.Count - at);
        switch (random.Next(10))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: bytes[at] = (byte)random.Next(256); break;
            case 2: bytes.InsertRange(at, Pieces.Token(random)); break;
            case 3: bytes.RemoveRange(at, length); break;
            case 4: bytes.InsertRange(at, bytes.GetRange(at, length)); break;
            // A piece of the file elsewhere in it: values of another kind under a key, keys twice.
            case 5: bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, length)); break;
            case 6: bytes.InsertRange(at, Enumerable.Repeat(bytes[at], random.Next(1, 5000))); break;
            case 7 when random.Next(4) == 0: bytes.RemoveRange(at, bytes.Count - at); break;
            default: ReplaceNumber(random, bytes, at); break;
        }
    }

    // The most likely way past the first checks: everything stays as it was but how much of it there is.
    private static void ReplaceNumber(Random random, List<byte> bytes, int at)
    {
        var first = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
        if (first < 0) return;
        var end = bytes.FindIndex(first, b => b is not ((>= (byte)'0' and <= (byte)'9') or (byte)'.' or (byte)'e' or (byte)'-'));
        bytes.RemoveRange(first, (end < 0 ? bytes.Count : end) - first);
        bytes.InsertRange(first, System.Text.Encoding.UTF8.GetBytes(Pieces.Number(random)));
    }
}
