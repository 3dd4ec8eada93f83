using System.Buffers.Binary;
using System.Text;

namespace Faith.Engine.Pickles;

/// <summary>
/// Reads a Python pickle (protocols 2 to 5) as data: null, bool, long, double, string, byte[], <see cref="List{T}"/> of objects, object?[] for
/// a tuple, <see cref="PickleDictionary"/>, <see cref="PickleGlobal"/>, <see cref="PickleObject"/> and <see cref="PickleReference"/>. A pickle is a
/// program of a small machine with a stack (Python's Lib/pickletools.py describes it). What it would call is never called, and names that
/// the caller does not know are refused, so that the worst that a file can do is not to be read. Values may contain each other in any
/// way: whoever goes through them must not follow them without end.
/// </summary>
public sealed class PickleReader
{
    // Every value is at least an instruction of a byte and at most some hundred bytes of memory.
    private const int MostValues = 1 << 20, MostMarks = 1000;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly object Mark = new();

    private readonly byte[] bytes;
    private readonly string place;
    private readonly Func<string, bool> isKnown;
    private readonly string remedy;
    private readonly List<object?> stack = [];
    private readonly Stack<int> marks = new();
    private readonly Dictionary<uint, object?> memo = [];
    private int position, values;

    private PickleReader(byte[] bytes, string place, Func<string, bool> isKnown, string remedy) =>
        (this.bytes, this.place, this.isKnown, this.remedy) = (bytes, place, isKnown, remedy);

    /// <summary>The value that a pickle describes.</summary>
    /// <param name="bytes">The pickle.</param>
    /// <param name="place">Where it stands, for messages.</param>
    /// <param name="isKnown">Which classes and functions (module.name) may be named.</param>
    /// <param name="remedy">What to do about others, the end of a message.</param>
    /// <exception cref="InputException">It is malformed, too large, or names something that is not known.</exception>
    public static object? Read(byte[] bytes, string place, Func<string, bool> isKnown, string remedy)
    {
        ArgumentNullException.ThrowIfNull(bytes);
        ArgumentNullException.ThrowIfNull(isKnown);
        return new PickleReader(bytes, place, isKnown, remedy).Run();
    }

    private object? Run()
    {
        if (bytes is not [0x80, >= 2 and <= 5, ..]) throw Bad("is not a pickle of protocol 2 to 5");
        position = 2;
        while (true)
        {
            var code = Byte();
            switch (code)
            {
                case (byte)'.': return Pop();
                case 0x80: Byte(); break; // PROTO
                case 0x95: Take(8); break; // FRAME: how much to read ahead
                case (byte)'(': SetMark(); break;
                case (byte)'0': Drop(); break;
                case (byte)'1': PopMark(); break;
                case (byte)'2': Push(Peek()); break;
                case (byte)'q': Remember(Byte()); break;
                case (byte)'r': Remember(BinaryPrimitives.ReadUInt32LittleEndian(Take(4))); break;
                case 0x94: Remember((uint)memo.Count); break;
                case (byte)'h': Push(Remembered(Byte())); break;
                case (byte)'j': Push(Remembered(BinaryPrimitives.ReadUInt32LittleEndian(Take(4)))); break;
                default:
                    if (!Scalar(code) && !Container(code) && !Call(code)) throw Bad($"has the instruction 0x{code:x2} at byte {position - 1}, which is not one of data");
                    break;
            }
        }
    }

    private bool Scalar(byte code)
    {
        switch (code)
        {
            case (byte)'N': Push(null); break;
            case 0x88: Push(true); break;
            case 0x89: Push(false); break;
            case (byte)'J': Push((long)BinaryPrimitives.ReadInt32LittleEndian(Take(4))); break;
            case (byte)'K': Push((long)Byte()); break;
            case (byte)'M': Push((long)BinaryPrimitives.ReadUInt16LittleEndian(Take(2))); break;
            case 0x8a: Push(Long(Take(Byte()))); break;
            case 0x8b: Push(Long(Take(Length(4)))); break;
            case (byte)'G': Push(BinaryPrimitives.ReadDoubleBigEndian(Take(8))); break;
            case 0x8c: Push(Text(Byte())); break;
            case (byte)'X': Push(Text(Length(4))); break;
            case 0x8d: Push(Text(Length(8))); break;
            // Strings of Python 2.
            case (byte)'U': Push(Encoding.Latin1.GetString(Take(Byte()))); break;
            case (byte)'T': Push(Encoding.Latin1.GetString(Take(Length(4)))); break;
            case (byte)'C': Push(Take(Byte()).ToArray()); break;
            case (byte)'B': Push(Take(Length(4)).ToArray()); break;
            case 0x8e: Push(Take(Length(8)).ToArray()); break;
            default: return false;
        }
        return true;
    }

    private bool Container(byte code)
    {
        switch (code)
        {
            case (byte)')': Push(Array.Empty<object?>()); break;
            case 0x85 or 0x86 or 0x87: Push(PopLast(code - 0x84)); break;
            case (byte)'t': Push(PopMark()); break;
            case (byte)']': Push(new List<object?>()); break;
            case (byte)'l': Push(new List<object?>(PopMark())); break;
            case (byte)'a': Append([Pop()]); break;
            case (byte)'e': Append(PopMark()); break;
            case (byte)'}': Push(new PickleDictionary()); break;
            case (byte)'d': Dictionary(PopMark()); break;
            case (byte)'s': SetItems(PopLast(2)); break;
            case (byte)'u': SetItems(PopMark()); break;
            default: return false;
        }
        return true;
    }

    private bool Call(byte code)
    {
        switch (code)
        {
            case (byte)'c': Push(Global(Line(), Line())); break;
            case 0x93: // STACK_GLOBAL
                if (PopLast(2) is not [string module, string name]) throw Malformed();
                Push(Global(module, name));
                break;
            case (byte)'R' or 0x81: // REDUCE, NEWOBJ
                if (PopLast(2) is not [PickleGlobal callee, object?[] arguments]) throw Malformed();
                Push(callee.Name == "collections.OrderedDict" && arguments.Length == 0 ? new PickleDictionary() : new PickleObject(callee.Name, arguments));
                break;
            case (byte)'b': // BUILD; a dictionary's attributes are not of its entries
                var state = Pop();
                if (Peek() is PickleObject made) made.State = state;
                else if (Peek() is not PickleDictionary) throw Malformed();
                break;
            case (byte)'Q': Push(new PickleReference(Pop())); break;
            default: return false;
        }
        return true;
    }

    private PickleGlobal Global(string module, string name)
    {
        var full = $"{module}.{name}";
        return isKnown(full) ? new PickleGlobal(full)
            : throw new InputException($"{place}: names {PlainText.Name(full)}, and what is no plain data is not read, as nothing in a file is ever executed; {remedy}");
    }

    private void Append(ReadOnlySpan<object?> items)
    {
        if (Peek() is not List<object?> list) throw Malformed();
        list.AddRange(items);
    }

    private void Dictionary(object?[] items)
    {
        Push(new PickleDictionary());
        SetItems(items);
    }

    private void SetItems(object?[] items)
    {
        if (Peek() is not PickleDictionary dictionary || items.Length % 2 != 0) throw Malformed();
        for (var i = 0; i < items.Length; i += 2) dictionary.Set(items[i], items[i + 1]);
    }

    // ---- the stack ----

    private void Push(object? value)
    {
        if (++values > MostValues) throw Bad($"has more than {MostValues} values");
        stack.Add(value);
    }

    private void SetMark()
    {
        if (marks.Count >= MostMarks) throw Bad($"is nested more than {MostMarks} deep");
        marks.Push(stack.Count);
        stack.Add(Mark);
    }

    private object? Peek() => stack.Count > 0 && stack[^1] != Mark ? stack[^1] : throw Malformed();

    private object? Pop()
    {
        var value = Peek();
        stack.RemoveAt(stack.Count - 1);
        return value;
    }

    private void Drop()
    {
        if (stack.Count > 0 && stack[^1] == Mark) PopMark();
        else Pop();
    }

    private object?[] PopLast(int count)
    {
        var result = new object?[count];
        for (var i = count - 1; i >= 0; i--) result[i] = Pop();
        return result;
    }

    private object?[] PopMark()
    {
        if (!marks.TryPop(out var at)) throw Malformed();
        object?[] result = [.. stack.Skip(at + 1)];
        stack.RemoveRange(at, stack.Count - at);
        return result;
    }

    private void Remember(uint index)
    {
        if (memo.Count >= MostValues) throw Bad($"has more than {MostValues} values");
        memo[index] = Peek();
    }

    private object? Remembered(uint index) => memo.TryGetValue(index, out var value) ? value : throw Malformed();

    // ---- the bytes ----

    private byte Byte() => Take(1)[0];

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > bytes.Length - position) throw Bad("ends in the middle; the file may be cut short");
        position += count;
        return bytes.AsSpan(position - count, count);
    }

    private int Length(int width)
    {
        var length = width == 4 ? BinaryPrimitives.ReadUInt32LittleEndian(Take(4)) : BinaryPrimitives.ReadUInt64LittleEndian(Take(8));
        return length <= (ulong)(bytes.Length - position) ? (int)length : throw Bad("ends in the middle; the file may be cut short");
    }

    private string Text(int length)
    {
        try
        {
            return Strict.GetString(Take(length));
        }
        catch (DecoderFallbackException e)
        {
            throw new InputException($"{place}: has a string at byte {position - length} that is not valid UTF-8", e);
        }
    }

    private string Line()
    {
        var length = bytes.AsSpan(position).IndexOf((byte)'\n');
        if (length < 0) throw Bad("ends in the middle; the file may be cut short");
        var text = Text(length);
        position++;
        return text;
    }

    private long Long(ReadOnlySpan<byte> little)
    {
        if (little.Length > sizeof(long)) throw Bad($"has a whole number of {little.Length} bytes at byte {position - little.Length}; at most 8 are read");
        var result = little.Length > 0 && (little[^1] & 0x80) != 0 ? -1L : 0;
        for (var i = little.Length - 1; i >= 0; i--) result = result << 8 | little[i];
        return result;
    }

    private InputException Malformed() => Bad($"is malformed at byte {position - 1}");

    private InputException Bad(string what) => new($"{place}: {what}");
}
