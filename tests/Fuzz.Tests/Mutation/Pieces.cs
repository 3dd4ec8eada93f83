using System.Text;

namespace Faith.Fuzz.Tests.Mutation;

/// <summary>What files are made of, and what they should not be made of.</summary>
internal static class Pieces
{
    /// <summary>Marks, words and bytes that one format or another knows.</summary>
    private static readonly byte[][] Tokens =
    [
        .. Utf8("{", "}", "[", "]", ",", ":", "\"", "\\", "\\u0000", "\\ud800", "\\u202e", "\n", "\r", "\r\n", "\t", " ", "null", "true", "/**/", "//", "-", ".", "e", "NaN", "Infinity", "#version: 0.2\n"),
        .. Utf8("\"F16\"", "\"BF16\"", "\"U8\"", "\"shape\"", "\"data_offsets\"", "\"__metadata__\"", "\"model_type\"", "\"llama\"", "\"gpt2\"", "\"weight_map\"", "\"vocab\"", "\"merges\""),
        .. Utf8("clean", "corrupted", "plural", "[1, 2]", "{}", "\"\"", "input->m0", "a0.h0<q>", "logits", "é", "😀", "\0", "\u001b[31m", "\uFEFF", "\u202e", "\u2028", "\u0085"),
        [0xFF], [0xC3, 0x28], [0xED, 0xA0, 0x80], [0xF4, 0x90, 0x80, 0x80], [0xFF, 0xFE], [0x80],
    ];

    private static readonly string[] Numbers =
    [
        "0", "-0", "-1", "1", "2", "3", "7", "127", "255", "65536", "1048576", "67108864", "2147483647", "2147483648", "4294967296", "1099511627776", "9223372036854775807", "9223372036854775808",
        "-9223372036854775808", "18446744073709551616", "0.5", "1.0", "1e0", "1e9", "1e19", "1e38", "1e308", "1e309", "1e-400", "-1e999", "99999999999999999999999",
    ];

    private static readonly string[] Strings =
    [
        "", " ", "a", "\\u0000", "\\ud800", "\\ud83d\\ude00", "\\u001b[31m", "\\u202e", "\\n", "Ġ", "▁", "<|endoftext|>", "..", "../../etc/passwd", "/dev/zero", "x.safetensors", "F32", "F64", "I64", "BOOL",
        "gelu", "relu", "silu", "linear", "llama3", "yarn", "mistral", "qwen2", "BPE", "WordPiece", "Unigram", "ByteLevel", "Split", "Sequence", "(a+)+$", "(?=", "\\\\p{L}+", "[", "m99", "a0.h0->m0",
    ];

    /// <summary>A mark, a word or bytes that are no text.</summary>
    public static byte[] Token(Random random) => Tokens[random.Next(Tokens.Length)];

    /// <summary>A number as JSON, most likely one at the edge of what fits.</summary>
    public static string Number(Random random) => random.Next(8) == 0 ? $"{random.Next(-10, 100_000)}" : Numbers[random.Next(Numbers.Length)];

    /// <summary>A JSON string with its quotes.</summary>
    public static string QuotedText(Random random) => random.Next(12) switch
    {
        0 => $"\"{new string('x', random.Next(1, 20_000))}\"",
        1 => $"\"{string.Concat(Enumerable.Repeat(Strings[random.Next(Strings.Length)], random.Next(1, 300)))}\"",
        _ => $"\"{Strings[random.Next(Strings.Length)]}\"",
    };

    /// <summary>A JSON value of any kind, now and then a deep or a long one.</summary>
    public static string Value(Random random) => random.Next(10) switch
    {
        0 => "null",
        1 => random.Next(2) == 0 ? "true" : "false",
        2 => "[]",
        3 => "{}",
        4 => Nested(random.Next(1, 2000), random.Next(2) == 0),
        5 => $"[{string.Join(',', Enumerable.Repeat(Number(random), random.Next(1, 2000)))}]",
        6 or 7 => QuotedText(random),
        _ => Number(random),
    };

    private static string Nested(int depth, bool inObjects) =>
        (inObjects ? string.Concat(Enumerable.Repeat("{\"a\":", depth)) + "1" + new string('}', depth) : new string('[', depth) + new string(']', depth));

    private static IEnumerable<byte[]> Utf8(params string[] texts) => texts.Select(Encoding.UTF8.GetBytes);
}
