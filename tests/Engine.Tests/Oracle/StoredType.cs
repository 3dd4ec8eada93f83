using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>How a checkpoint stores its numbers.</summary>
public enum StoredType
{
    /// <summary>IEEE single precision.</summary>
    F32,
    /// <summary>bfloat16.</summary>
    BF16,
    /// <summary>IEEE half precision.</summary>
    F16,
}

/// <summary>Numbers to and from their stored bytes.</summary>
public static class StoredTypes
{
    /// <summary>Bytes of one number.</summary>
    public static int Size(this StoredType type) => type == StoredType.F32 ? 4 : 2;

    /// <summary>What holds its numbers.</summary>
    public static WeightPrecision Precision(this StoredType type) => type switch { StoredType.F16 => WeightPrecision.Float16, StoredType.BF16 => WeightPrecision.BFloat16, _ => WeightPrecision.Float32 };

    /// <summary>The nearest number that the type can store.</summary>
    public static float Round(this StoredType type, float value)
    {
        Span<byte> bytes = stackalloc byte[type.Size()];
        type.Write(bytes, value);
        return type.Read(bytes);
    }

    /// <summary>Stores a number, little-endian, rounded to nearest even.</summary>
    public static void Write(this StoredType type, Span<byte> bytes, float value)
    {
        var bits = BitConverter.SingleToUInt32Bits(value);
        switch (type)
        {
            case StoredType.F32: BitConverter.TryWriteBytes(bytes, value); break;
            case StoredType.F16: BitConverter.TryWriteBytes(bytes, (Half)value); break;
            default: BitConverter.TryWriteBytes(bytes, (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16)); break;
        }
    }

    /// <summary>Reads a number back.</summary>
    public static float Read(this StoredType type, ReadOnlySpan<byte> bytes) => type switch
    {
        StoredType.F32 => BitConverter.ToSingle(bytes),
        StoredType.F16 => (float)BitConverter.ToHalf(bytes),
        _ => BitConverter.UInt32BitsToSingle((uint)BitConverter.ToUInt16(bytes) << 16),
    };
}
