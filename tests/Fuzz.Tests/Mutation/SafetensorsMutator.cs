using System.Buffers.Binary;

namespace Faith.Fuzz.Tests.Mutation;

/// <summary>Damages safetensors files: the header with a length that stays true, the data, the length, or bytes anywhere.</summary>
internal static class SafetensorsMutator
{
    private const int PrefixBytes = 8;
    private static readonly float[] Values = [float.NaN, float.PositiveInfinity, float.MaxValue, -float.MaxValue, 1e19f, 1e30f, -1e19f, float.Epsilon, -0f, 0];

    /// <summary>A damaged copy.</summary>
    public static byte[] Mutate(Random random, byte[] original)
    {
        var end = PrefixBytes + (int)BinaryPrimitives.ReadUInt64LittleEndian(original);
        var (header, data) = (original[PrefixBytes..end], original[end..]);
        switch (random.Next(8))
        {
            case 0: return BytesMutator.Mutate(random, original);
            case 1: return original[..random.Next(original.Length)];
            case 2: return File(ulong.CreateTruncating(random.NextInt64() >> random.Next(64)), header, data);
            case 3:
                MutateValues(random, data);
                break;
            case 4:
                data = random.Next(2) == 0 ? data[..random.Next(data.Length)] : [.. data, .. data[..random.Next(data.Length)]];
                break;
            case 5:
                MutateValues(random, data);
                header = JsonMutator.Mutate(random, header);
                break;
            default:
                header = JsonMutator.Mutate(random, header);
                break;
        }
        return File((ulong)header.Length, header, data);
    }

    private static void MutateValues(Random random, byte[] data)
    {
        for (var edits = random.Next(1, 40); edits > 0; edits--)
        {
            BinaryPrimitives.WriteSingleLittleEndian(data.AsSpan(random.Next(data.Length / sizeof(float)) * sizeof(float)), Values[random.Next(Values.Length)]);
        }
    }

    private static byte[] File(ulong length, byte[] header, byte[] data)
    {
        var prefix = new byte[PrefixBytes];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, length);
        return [.. prefix, .. header, .. data];
    }
}
