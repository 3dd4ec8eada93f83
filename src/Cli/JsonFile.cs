using System.Text.Json;
using Faith.Engine;
using Faith.Engine.Files;

namespace Faith.Cli;

/// <summary>Results as JSON.</summary>
internal static class JsonFile
{
    /// <summary>Writes one object, whole or not at all.</summary>
    /// <param name="path">Where.</param>
    /// <param name="members">Writes what the object holds.</param>
    /// <param name="indented">False for what nobody reads by eye.</param>
    public static void Write(string path, Action<Utf8JsonWriter> members, bool indented = true) => OutputFile.WriteTogether(ToOutput(path, members, indented));

    /// <summary>One object, to be written beside other files.</summary>
    public static Output ToOutput(string path, Action<Utf8JsonWriter> members, bool indented = true) => new(path, stream =>
    {
        using (var json = new Utf8JsonWriter(stream, new JsonWriterOptions { Indented = indented }))
        {
            json.WriteStartObject();
            members(json);
            json.WriteEndObject();
        }
        stream.Write("\n"u8);
    });

    /// <summary>A metric: its mean and its value for every example, in the order of the data.</summary>
    public static void WriteMetric(this Utf8JsonWriter json, string name, IReadOnlyList<double> values)
    {
        json.WriteStartObject(name);
        json.WriteNumberOrNull("mean", values.Average());
        json.WriteNumbersOrNull("per_example", values);
        json.WriteEndObject();
    }
}
