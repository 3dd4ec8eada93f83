using System.Buffers.Binary;

namespace Faith.Engine.Data;

/// <summary>
/// The description at the end of a Parquet file, in Thrift's compact protocol, walked without taking anything from it: a count that more elements would
/// need than there are bytes keeps the library busy for hours, and shows here at once.
/// </summary>
internal ref struct ParquetFooter
{
    private const int Deepest = 32;
    private const int Stop = 0, True = 1, False = 2, Byte = 3, Short = 4, Integer = 5, Long = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12;

    private ReadOnlySpan<byte> rest;

    /// <summary>Walks the footer of a file.</summary>
    /// <exception cref="InvalidDataException">It does not hold what it says.</exception>
    public static void Check(ReadOnlySpan<byte> file)
    {
        const int tail = 8, magic = 4;
        if (file.Length < tail + magic || !file.EndsWith("PAR1"u8)) throw new InvalidDataException("its end is missing");
        var length = BinaryPrimitives.ReadInt32LittleEndian(file[^tail..]);
        if (length <= 0 || length > file.Length - tail - magic) throw new InvalidDataException("its description is longer than the file");
        var footer = new ParquetFooter { rest = file[^(tail + length)..^tail] };
        footer.WalkStruct(0);
    }

    private void WalkStruct(int depth)
    {
        if (depth > Deepest) throw Damaged();
        for (var field = Take(1)[0]; field != Stop; field = Take(1)[0])
        {
            if (field >> 4 == 0) Number();
            // Of a field that is true or false, the type is the value.
            if ((field & 15) is var type and not (True or False)) Walk(type, depth);
        }
    }

    private void Walk(int type, int depth)
    {
        switch (type)
        {
            case True or False or Byte: Take(1); break;
            case Short or Integer or Long: Number(); break;
            case Double: Take(8); break;
            case Binary: Take(Count()); break;
            case List or Set:
                var head = Take(1)[0];
                Elements(head >> 4 == 15 ? Count() : head >> 4, depth, head & 15);
                break;
            case Map:
                if (Count() is > 0 and var pairs)
                {
                    var types = Take(1)[0];
                    Elements(pairs, depth, types >> 4, types & 15);
                }
                break;
            case Struct: WalkStruct(depth + 1); break;
            default: throw Damaged();
        }
    }

    private void Elements(int count, int depth, params ReadOnlySpan<int> types)
    {
        if (depth > Deepest) throw Damaged();
        for (var i = 0; i < count; i++)
        {
            foreach (var type in types) Walk(type, depth + 1);
        }
    }

    // Nothing takes less than a byte.
    private int Count() => Number() is var count && count <= (ulong)rest.Length ? (int)count : throw Damaged();

    private ulong Number()
    {
        var value = 0UL;
        for (var shift = 0; shift < 70; shift += 7)
        {
            var part = Take(1)[0];
            value |= (ulong)(part & 127) << Math.Min(shift, 63);
            if (part < 128) return value;
        }
        throw Damaged();
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > rest.Length) throw Damaged();
        var taken = rest[..count];
        rest = rest[count..];
        return taken;
    }

    private static InvalidDataException Damaged() => new("its description is damaged");
}
