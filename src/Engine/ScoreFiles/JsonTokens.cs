using System.Text.Json;

namespace Faith.Engine.ScoreFiles;

/// <summary>
/// The tokens of a JSON file, one at a time, with a buffer that holds no more of the file than the longest token: score files of
/// large models have millions of entries. Whatever is wrong becomes an <see cref="InputException"/> that names file and place.
/// </summary>
internal sealed class JsonTokens(Stream stream, string name)
{
    private const int MaxToken = 1 << 20, LongestNotFinite = 9;
    private const string NotFinite = "is NaN or infinite, which JSON does not have and nothing can be ranked by; the run that wrote it went wrong (overflow, or a metric that is not defined)";
    private byte[] buffer = new byte[1 << 16];
    private char[] text = new char[256];
    private int start, end, textLength;
    private bool ended, isNaN;
    private JsonReaderState state = new(new JsonReaderOptions { MaxDepth = 64 });

    /// <summary>The current token's type.</summary>
    public JsonTokenType Type { get; private set; }

    /// <summary>The value of the current number.</summary>
    public double Number { get; private set; }

    /// <summary>The text of the current string or property name, valid until the next token.</summary>
    public ReadOnlySpan<char> Text => text.AsSpan(0, textLength);

    /// <summary>Tells what is being read, for messages: edges["input->m0"].score. Asked only when something is wrong.</summary>
    public Func<string>? Place { get; set; }

    /// <summary>Whether NaN and Infinity, which Python writes though JSON does not have them, are numbers here.</summary>
    public bool TakesNotFinite { get; set; }

    /// <summary>Moves to the next token; false at the end of the file.</summary>
    public bool Read()
    {
        if (start == end && !ended) Fill();
        SkipByteOrderMark();
        while (true)
        {
            var reader = new Utf8JsonReader(buffer.AsSpan(start, end - start), ended, state);
            bool found;
            try
            {
                found = reader.Read();
                if (found) Take(ref reader);
            }
            catch (JsonException e)
            {
                var rest = buffer.AsSpan(start + (int)reader.BytesConsumed, end - start - (int)reader.BytesConsumed).TrimStart(" \t\r\n:,"u8);
                if (rest.Length < LongestNotFinite && !ended)
                {
                    Fill();
                    continue;
                }
                if (TakesNotFinite && (rest.StartsWith("NaN"u8) || rest.TrimStart((byte)'-').StartsWith("Infinity"u8)))
                {
                    // Read again, as a number of the same length.
                    isNaN = rest[0] == 'N';
                    (isNaN ? "0.0"u8 : rest[0] == '-' ? "-9.9e9999"u8 : "9.9e9999"u8).CopyTo(rest);
                    continue;
                }
                if (rest.StartsWith("NaN"u8) || rest.StartsWith("Infinity"u8) || rest.StartsWith("-Infinity"u8))
                    throw Fault(NotFinite, e);
                throw new InputException($"{name}: not valid JSON at line {e.LineNumber + 1}, byte {e.BytePositionInLine + 1}", e);
            }
            catch (InvalidOperationException e)
            {
                throw Fault("text that is not valid UTF-8", e);
            }
            state = reader.CurrentState;
            start += (int)reader.BytesConsumed;
            if (found && isNaN && Type == JsonTokenType.Number) (Number, isNaN) = (double.NaN, false);
            if (found) return true;
            if (ended) return false;
            Fill();
        }
    }

    /// <summary>Moves to the next token, which must be there.</summary>
    public void Next()
    {
        if (!Read()) throw new InputException($"{name}: ends too early");
    }

    /// <summary>Moves to the next token, which must be of this type; <paramref name="what"/> names it in the message.</summary>
    public void Expect(JsonTokenType type, string what)
    {
        Next();
        if (Type != type) throw Fault($"should be {what}");
    }

    /// <summary>Passes over the value that comes next, whatever it is.</summary>
    public void Skip()
    {
        Next();
        SkipCurrent();
    }

    /// <summary>Passes over the rest of the value whose first token is the current one.</summary>
    public void SkipCurrent()
    {
        var depth = 0;
        while (true)
        {
            if (Type is JsonTokenType.StartObject or JsonTokenType.StartArray) depth++;
            else if (Type is JsonTokenType.EndObject or JsonTokenType.EndArray) depth--;
            if (depth == 0) return;
            Next();
        }
    }

    /// <summary>Reads true or false.</summary>
    public bool Boolean()
    {
        Next();
        return Type switch
        {
            JsonTokenType.True => true,
            JsonTokenType.False => false,
            _ => throw Fault("should be true or false"),
        };
    }

    /// <summary>Reads a finite number.</summary>
    public double Finite()
    {
        Expect(JsonTokenType.Number, "a number");
        return double.IsFinite(Number) ? Number : throw Fault("should be a finite number");
    }

    /// <summary>Reads the score of something that need not have one: a finite number, or null or NaN for none.</summary>
    public double? OptionalScore()
    {
        TakesNotFinite = true;
        Next();
        TakesNotFinite = false;
        if (Type == JsonTokenType.Null) return null;
        if (Type != JsonTokenType.Number) throw Fault("should be a number");
        return double.IsNaN(Number) ? null : !double.IsInfinity(Number) ? Number : throw Fault(NotFinite);
    }

    /// <summary>Reads a whole number from <paramref name="least"/> to <paramref name="most"/>.</summary>
    public int Integer(int least, int most)
    {
        Expect(JsonTokenType.Number, "a whole number");
        if (Number >= least && Number <= most && Number == Math.Floor(Number)) return (int)Number;
        throw Fault($"should be a whole number from {least} to {most}");
    }

    /// <summary>Reads a string.</summary>
    public string String()
    {
        Expect(JsonTokenType.String, "a string");
        return Text.ToString();
    }

    /// <summary>The exception for something wrong at the current place.</summary>
    public InputException Fault(string message, Exception? inner = null)
    {
        var place = Place?.Invoke() ?? "";
        var line = place.Length == 0 ? $"{name}: {message}" : $"{name}: {place}: {message}";
        return inner is null ? new(line) : new(line, inner);
    }

    private void Take(ref Utf8JsonReader reader)
    {
        Type = reader.TokenType;
        if (Type is JsonTokenType.Number)
        {
            // TryGetDouble accepts what overflows as infinity; Finite refuses it.
            Number = reader.TryGetDouble(out var value) ? value : double.NaN;
        }
        else if (Type is JsonTokenType.String or JsonTokenType.PropertyName)
        {
            // A char of UTF-16 never takes less than a byte of UTF-8.
            if (text.Length < reader.ValueSpan.Length) text = new char[reader.ValueSpan.Length * 2];
            textLength = reader.CopyString(text);
        }
    }

    private void SkipByteOrderMark()
    {
        if (Type == JsonTokenType.None && end - start >= 3 && buffer.AsSpan(start, 3).SequenceEqual("\uFEFF"u8)) start += 3;
    }

    private void Fill()
    {
        buffer.AsSpan(start, end - start).CopyTo(buffer);
        end -= start;
        start = 0;
        if (end == buffer.Length)
        {
            if (buffer.Length >= MaxToken) throw Fault("a single value of more than a megabyte");
            Array.Resize(ref buffer, buffer.Length * 2);
        }
        try
        {
            // At least three bytes the first time, so that a byte-order mark is seen whole.
            do
            {
                var read = stream.Read(buffer, end, buffer.Length - end);
                if (read == 0) ended = true;
                end += read;
            }
            while (end < 3 && !ended);
        }
        catch (IOException e)
        {
            throw new InputException($"{name}: cannot be read ({PlainText.Line(e.Message)})", e);
        }
    }
}
