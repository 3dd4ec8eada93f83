using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Faith.Engine.Tasks;

/// <summary>The prompts of the built-in tasks as the commands use them.</summary>
public static class TaskPrompts
{
    /// <summary>How many prompts a task gives unless told otherwise.</summary>
    public const int DefaultCount = 100;

    private static readonly JsonWriterOptions Json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>The names of the splits on the command line.</summary>
    public static IReadOnlyDictionary<string, TaskSplit> Splits { get; } = new Dictionary<string, TaskSplit>
    {
        ["held-out"] = TaskSplit.HeldOut,
        ["train"] = TaskSplit.Train,
    };

    /// <summary>The prompts as JSONL, in the form that <c>--data</c> reads.</summary>
    public static byte[] ToJsonLines(IEnumerable<TaskPrompt> prompts, CancellationToken cancellation = default)
    {
        var buffer = new ArrayBufferWriter<byte>();
        using var json = new Utf8JsonWriter(buffer, Json);
        foreach (var prompt in prompts)
        {
            cancellation.ThrowIfCancellationRequested();
            json.WriteStartObject();
            json.WriteString("clean", prompt.Clean);
            json.WriteString("corrupted", prompt.Corrupted);
            Write("answers", prompt.Answers);
            Write("distractors", prompt.Distractors);
            json.WriteEndObject();
            json.Flush();
            buffer.Write("\n"u8);
            json.Reset();
        }
        return buffer.WrittenSpan.ToArray();

        void Write(string name, string[] words)
        {
            json.WriteStartArray(name);
            foreach (var word in words) json.WriteStringValue(word);
            json.WriteEndArray();
        }
    }

    /// <summary>The first words of a list, for a table.</summary>
    public static string Shorten(string[] words)
    {
        const int shown = 4;
        var text = new StringBuilder(string.Join(",", words.Take(shown)).Trim());
        if (words.Length > shown) text.Append($", … ({words.Length})");
        return text.ToString();
    }
}
