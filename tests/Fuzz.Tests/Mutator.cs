using System.Buffers.Binary;
using System.Text;

namespace Faith.Fuzz.Tests;

/// <summary>Damages files as a function of the seed alone.</summary>
internal static class Mutator
{
    private static readonly string[] Words =
    [
        "{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\u202e", "\n", "\r\n", "null", "true", "{}", "[]", "\"\"", "\"F16\"", "\"BF16\"", "\"U8\"", "\uFEFF", "\0",
        "\u001b[31m", "clean", "plural", "answers", "shape", "data_offsets", "vocab", "merges", "n_layer", "(?=", "\\\\p{L}", "a0.h0->logits", "-0", "NaN", "Infinity",
    ];

    private static readonly string[] Numbers =
    [
        "-1", "0", "1", "2.5", "1e9", "1e999", "-1e-999", "4294967296", "2147483647", "2147483648", "9223372036854775807", "9223372036854775808", "-9223372036854775808",
        "99999999999999999999999",
    ];

    /// <summary>A damaged copy: one to four edits, each of bytes, of a number, of a value with its brackets, or of the whole.</summary>
    public static byte[] Mutate(Random random, byte[] original)
    {
        var bytes = new List<byte>(original);
        for (var edits = random.Next(1, 5); edits > 0 && bytes.Count > 0; edits--) Edit(random, bytes);
        return [.. bytes];
    }

    /// <summary>Changes the header of a safetensors file and keeps its length true, so that what follows the first check is reached.</summary>
    public static byte[] MutateSafetensors(Random random, byte[] original)
    {
        if (random.Next(4) == 0) return Mutate(random, original);
        var length = (int)BinaryPrimitives.ReadUInt64LittleEndian(original);
        var header = Mutate(random, original[8..(8 + length)]);
        var prefix = new byte[8];
        BinaryPrimitives.WriteUInt64LittleEndian(prefix, (ulong)header.Length);
        var data = original[(8 + length)..];
        if (random.Next(4) == 0) data = Mutate(random, data);
        return [.. prefix, .. header, .. data];
    }

    private static void Edit(Random random, List<byte> bytes)
    {
        var at = random.Next(bytes.Count);
        var rest = bytes.Count - at;
        switch (random.Next(12))
        {
            case 0: bytes[at] ^= (byte)(1 << random.Next(8)); break;
            case 1: bytes[at] = (byte)random.Next(256); break;
            case 2: Insert(Words[random.Next(Words.Length)]); break;
            case 3: bytes.RemoveRange(at, Math.Min(random.Next(1, 20), rest)); break;
            case 4: bytes.InsertRange(at, bytes.GetRange(at, Math.Min(random.Next(1, 60), rest))); break;
            case 5: bytes[at] = (byte)('0' + random.Next(10)); break;
            case 6: bytes.InsertRange(at, (byte[])[0xC3, 0x28, 0xFF]); break;
            case 7: Insert(string.Concat(Enumerable.Repeat(random.Next(2) == 0 ? "[" : "{\"a\":", random.Next(1, 3000)))); break;
            case 8 when random.Next(4) == 0: bytes.RemoveRange(at, rest); break;
            // A piece of the file elsewhere in it: values of another kind under a key, keys twice.
            case 9: bytes.InsertRange(random.Next(bytes.Count), bytes.GetRange(at, Math.Min(random.Next(1, 200), rest))); break;
            case 10: ReplaceString(random, bytes, at); break;
            default: ReplaceNumber(random, bytes, at); break;
        }
        void Insert(string text) => bytes.InsertRange(at, Encoding.UTF8.GetBytes(text));
    }

    private static void ReplaceNumber(Random random, List<byte> bytes, int at)
    {
        var first = bytes.FindIndex(at, b => b is >= (byte)'0' and <= (byte)'9');
        if (first < 0) return;
        var end = bytes.FindIndex(first, b => b is not ((>= (byte)'0' and <= (byte)'9') or (byte)'.' or (byte)'e' or (byte)'-'));
        bytes.RemoveRange(first, (end < 0 ? bytes.Count : end) - first);
        bytes.InsertRange(first, Encoding.UTF8.GetBytes(Numbers[random.Next(Numbers.Length)]));
    }

    private static void ReplaceString(Random random, List<byte> bytes, int at)
    {
        var open = bytes.IndexOf((byte)'"', at);
        var close = open < 0 ? -1 : bytes.IndexOf((byte)'"', open + 1);
        if (close < 0) return;
        bytes.RemoveRange(open + 1, close - open - 1);
        var word = Words[random.Next(Words.Length)];
        bytes.InsertRange(open + 1, Encoding.UTF8.GetBytes(random.Next(8) == 0 ? string.Concat(Enumerable.Repeat(word, 500)) : word));
    }
}
