using System.Text;

namespace Faith.Engine.Tokenizers;

/// <summary>
/// The alphabet of byte-level vocabularies: each byte is one printable character. Printable bytes of Latin-1 stand for themselves,
/// the others for U+0100 and on in the order of their values.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = MakeCharacters();
    private static readonly Dictionary<char, byte> Bytes = Enumerable.Range(0, 256).ToDictionary(i => Characters[i], i => (byte)i);

    /// <summary>The UTF-8 bytes of a text, one character a byte.</summary>
    public static string FromText(string text) => FromBytes(Encoding.UTF8.GetBytes(text));

    /// <summary>Bytes, one character each.</summary>
    public static string FromBytes(byte[] bytes) => string.Create(bytes.Length, bytes, static (characters, bytes) =>
    {
        for (int i = 0; i < bytes.Length; i++)
            characters[i] = Characters[bytes[i]];
    });

    /// <summary>Appends the bytes of a token; a token with a character outside the alphabet stands for its own UTF-8 bytes.</summary>
    public static void AppendBytes(string token, List<byte> bytes)
    {
        int before = bytes.Count;
        foreach (char character in token)
        {
            if (!Bytes.TryGetValue(character, out byte value))
            {
                bytes.RemoveRange(before, bytes.Count - before);
                bytes.AddRange(Encoding.UTF8.GetBytes(token));
                return;
            }
            bytes.Add(value);
        }
    }

    private static char[] MakeCharacters()
    {
        var characters = new char[256];
        int next = 0x100;
        for (int value = 0; value < 256; value++)
            characters[value] = value is (>= 0x21 and <= 0x7E) or (>= 0xA1 and <= 0xAC) or >= 0xAE ? (char)value : (char)next++;
        return characters;
    }
}
