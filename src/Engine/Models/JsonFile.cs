using System.Text;
using System.Text.Json;
using Faith.Engine.Files;

namespace Faith.Engine.Models;

/// <summary>A small JSON file of a model, read whole.</summary>
internal static class JsonFile
{
    /// <summary>config.json and index files are kilobytes; what is larger is something else.</summary>
    private const long Largest = 16L << 20;

    private static ReadOnlySpan<byte> ByteOrderMark => "\uFEFF"u8;

    /// <summary>Bytes of the mark that a file begins with, or 0.</summary>
    internal static int MarkLength(ReadOnlySpan<byte> utf8) => utf8.StartsWith(ByteOrderMark) ? ByteOrderMark.Length : 0;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// JSON in UTF-8. The parser itself lets invalid UTF-8 and escaped halves of surrogate pairs into strings and throws
    /// <see cref="InvalidOperationException"/> when they are read, so the former is refused here.
    /// </summary>
    /// <exception cref="JsonException">Not JSON, or not UTF-8.</exception>
    internal static JsonDocument Parse(ReadOnlySpan<byte> utf8, JsonDocumentOptions options = default)
    {
        try
        {
            return JsonDocument.Parse(Strict.GetString(utf8), options);
        }
        catch (DecoderFallbackException e)
        {
            throw new JsonException("invalid UTF-8", e);
        }
    }

    /// <summary>The file's bytes and its root object; editors of some systems put a byte order mark first.</summary>
    /// <exception cref="InputException">Missing, unreadable, not JSON, or not an object.</exception>
    internal static (byte[] Bytes, JsonElement Root) Read(string path)
    {
        var bytes = RegularFile.ReadAll(path, FileUse.Model, Largest);
        try
        {
            using var document = Parse(bytes.AsSpan(MarkLength(bytes)), new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InputException($"{path}: must be a JSON object");
            return (bytes, document.RootElement.Clone());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException($"{path}: not valid JSON: {PlainText.Short(e.Message, 200)}", e);
        }
    }
}
