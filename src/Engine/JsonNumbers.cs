using System.Text.Json;

namespace Faith.Engine;

/// <summary>Numbers in JSON, which cannot say NaN and infinity: null stands for them.</summary>
internal static class JsonNumbers
{
    /// <summary>Writes a member.</summary>
    public static void WriteNumberOrNull(this Utf8JsonWriter json, string name, double value)
    {
        json.WritePropertyName(name);
        json.WriteNumberValueOrNull(value);
    }

    /// <summary>Writes an element of an array.</summary>
    public static void WriteNumberValueOrNull(this Utf8JsonWriter json, double value)
    {
        if (double.IsFinite(value)) json.WriteNumberValue(Figures.WithoutMinusZero(value));
        else json.WriteNullValue();
    }

    /// <summary>Writes a member that is an array.</summary>
    public static void WriteNumbersOrNull(this Utf8JsonWriter json, string name, IEnumerable<double> values)
    {
        json.WriteStartArray(name);
        foreach (var value in values) json.WriteNumberValueOrNull(value);
        json.WriteEndArray();
    }

    /// <summary>A number; NaN for null.</summary>
    /// <exception cref="InvalidOperationException">It is neither.</exception>
    public static double NumberOrNaN(this JsonElement json) => json.ValueKind == JsonValueKind.Null ? double.NaN : json.GetDouble();

    /// <summary>The numbers of an array; NaN for null.</summary>
    /// <exception cref="InvalidOperationException">It is no array of these.</exception>
    public static double[] NumbersOrNaN(this JsonElement json) => [.. json.EnumerateArray().Select(NumberOrNaN)];
}
