using System.Text;
using System.Text.Json;

namespace Faith.Engine.Models;

/// <summary>A small JSON file of a model, read whole.</summary>
internal static class JsonFile
{
    /// <summary>config.json and index files are kilobytes; what is larger is something else.</summary>
    private const long Largest = 256L << 20;

    private static readonly UTF8Encoding Strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>
    /// JSON in UTF-8. The parser itself lets invalid UTF-8 and escaped halves of surrogate pairs into strings and throws
    /// <see cref="InvalidOperationException"/> when they are read, so the former is refused here.
    /// </summary>
    /// <exception cref="JsonException">Not JSON, or not UTF-8.</exception>
    internal static JsonDocument Parse(byte[] utf8, JsonDocumentOptions options = default)
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

    /// <summary>The file's bytes and its root object.</summary>
    /// <exception cref="InputException">Missing, unreadable, not JSON, or not an object.</exception>
    internal static (byte[] Bytes, JsonElement Root) Read(string path)
    {
        byte[] bytes;
        try
        {
            var length = new FileInfo(path).Length;
            if (length > Largest) throw new InputException($"{path}: {length} bytes is too large for such a file");
            bytes = File.ReadAllBytes(path);
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            throw new InputException($"{path}: not found", e);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or NotSupportedException or ArgumentException)
        {
            throw new InputException($"{path}: cannot be read: {Wording.Clean(e.Message)}", e);
        }
        try
        {
            using var document = Parse(bytes, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (document.RootElement.ValueKind != JsonValueKind.Object) throw new InputException($"{path}: must be a JSON object");
            return (bytes, document.RootElement.Clone());
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new InputException($"{path}: not valid JSON: {Wording.Clean(e.Message)}", e);
        }
    }
}
