using System.Buffers;
using System.Collections;
using System.Text.Encodings.Web;
using System.Text.Json;
using Parquet;
using Parquet.Serialization;

namespace Faith.Engine.Data;

/// <summary>The rows of a Parquet file as the JSON objects that they stand for: structs are objects, lists are lists, nulls are absent.</summary>
internal static class ParquetRows
{
    // More than a data set that is read whole; what a file says of itself is checked before anything is unpacked.
    private const long MostBytes = 2L << 30, MostRows = 1_000_000;
    private const int MostColumns = 10_000;
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(30), TimeOfAByte = TimeSpan.FromMicroseconds(1);

    private static readonly JsonWriterOptions Options = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping, SkipValidation = false, MaxDepth = 64 };

    /// <summary>Whether a file is of this format.</summary>
    public static bool AreIn(ReadOnlySpan<byte> file) => file.StartsWith("PAR1"u8);

    /// <summary>The rows, a row group at a time.</summary>
    /// <exception cref="InputException">The file cannot be read, or says that it is larger than any data set.</exception>
    public static IEnumerable<JsonRow> Read(string source, byte[] file, CancellationToken cancellation)
    {
        var limit = Patience + file.Length * TimeOfAByte;
        var groups = Guarded(source, limit, () => Groups(source, file, cancellation));
        var number = 0;
        for (var group = 0; group < groups; group++)
        {
            var at = group;
            var rows = Guarded(source, limit, () => ParquetSerializer.DeserializeUntypedAsync(new MemoryStream(file, writable: false), rowGroupIndex: at, cancellationToken: cancellation).GetAwaiter().GetResult().Data);
            foreach (var row in rows)
            {
                number++;
                yield return new JsonRow(source, $"row {number}", Json(source, number, row));
            }
        }
    }

    private static int Groups(string source, byte[] file, CancellationToken cancellation)
    {
        ParquetFooter.Check(file);
        var reader = ParquetReader.CreateAsync(new MemoryStream(file, writable: false), cancellationToken: cancellation).GetAwaiter().GetResult();
        try
        {
            var metadata = reader.Metadata ?? throw new InvalidDataException("it has no metadata");
            var columns = metadata.RowGroups.SelectMany(group => group.Columns).Select(column => column.MetaData).ToArray();
            if (metadata.Schema.Count > MostColumns) throw new InputException($"{source}: has {metadata.Schema.Count} columns; at most {MostColumns} are read");
            if (metadata.NumRows > MostRows || metadata.RowGroups.Any(group => group.NumRows is < 0 or > MostRows)) throw new InputException($"{source}: has {metadata.NumRows} rows; at most {MostRows} are read, so split it");
            if (columns.Sum(column => (double)(column?.TotalUncompressedSize ?? 0)) > MostBytes || columns.Any(column => column is { TotalUncompressedSize: < 0 }))
                throw new InputException($"{source}: says that it holds more than {MostBytes >> 30} GiB unpacked; keep the columns that are needed, or split it");
            return reader.RowGroupCount;
        }
        finally
        {
            reader.DisposeAsync().AsTask().GetAwaiter().GetResult();
        }
    }

    // The library finds damage wherever it comes to it, as an exception of many kinds.
    private static T Guarded<T>(string source, TimeSpan limit, Func<T> read)
    {
        try
        {
            return InTime(read, limit);
        }
        catch (Exception e) when (e is not (InputException or OperationCanceledException))
        {
            var inner = e is AggregateException { InnerException: { } first } ? first : e;
            throw new InputException($"{source}: is no Parquet file that can be read ({PlainText.Short(inner is OutOfMemoryException ? "it asks for more memory than there is" : inner.Message, 200)}); download it anew, or write its rows as JSONL", e);
        }
    }

    // What is damaged on purpose can keep the library busy without end, and nothing stops it from outside: it is left behind.
    private static T InTime<T>(Func<T> read, TimeSpan limit)
    {
        var (result, fault) = (default(T), (Exception?)null);
        var worker = new Thread(() =>
        {
            try
            {
                result = read();
            }
            catch (Exception e)
            {
                fault = e;
            }
        }) { IsBackground = true, Name = "Parquet" };
        worker.Start();
        if (!worker.Join(limit)) throw new TimeoutException($"it was not unpacked within {limit.TotalSeconds:0} s");
        if (fault is not null) System.Runtime.ExceptionServices.ExceptionDispatchInfo.Throw(fault);
        return result!;
    }

    private static byte[] Json(string source, int number, object row)
    {
        var buffer = new ArrayBufferWriter<byte>();
        try
        {
            using var json = new Utf8JsonWriter(buffer, Options);
            Write(json, row);
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)
        {
            throw new InputException($"{source}, row {number}: holds structs within more structs than prompts have, or text that is not valid", e);
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case IDictionary<string, object?> members:
                json.WriteStartObject();
                foreach (var (name, member) in members)
                {
                    json.WritePropertyName(name);
                    Write(json, member);
                }
                json.WriteEndObject();
                break;
            case string text: json.WriteStringValue(text); break;
            case ReadOnlyMemory<char> text: json.WriteStringValue(text.Span); break;
            case bool truth: json.WriteBooleanValue(truth); break;
            case sbyte or byte or short or ushort or int or uint or long: json.WriteNumberValue(Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture)); break;
            case ulong number: json.WriteNumberValue(number); break;
            case float or double when !double.IsFinite(Convert.ToDouble(value, System.Globalization.CultureInfo.InvariantCulture)): json.WriteNullValue(); break;
            case float number: json.WriteNumberValue(number); break;
            case double number: json.WriteNumberValue(number); break;
            case decimal number: json.WriteNumberValue(number); break;
            case byte[] bytes: json.WriteBase64StringValue(bytes); break;
            case IEnumerable elements:
                json.WriteStartArray();
                foreach (var element in elements) Write(json, element);
                json.WriteEndArray();
                break;
            // Times and the like, which no prompt is made of.
            default: json.WriteStringValue(Convert.ToString(value, System.Globalization.CultureInfo.InvariantCulture)); break;
        }
    }
}
