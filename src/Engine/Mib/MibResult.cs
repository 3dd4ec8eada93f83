using System.Text;
using System.Text.Json;
using Faith.Engine.Circuits;
using Faith.Engine.Files;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Mib;

/// <summary>What a cell's evaluation gave, as its file holds it. A number that JSON cannot hold is null there and NaN here.</summary>
public sealed record MibResult
{
    private const long Largest = 1 << 20;
    private const string ByScore = "score", BySize = "size";

    /// <summary>The cell's name.</summary>
    public required string Cell { get; init; }
    /// <summary>Whether the members of the result itself are of circuits ranked by |score|.</summary>
    public required bool ReportsSize { get; init; }
    /// <summary>The measures of circuits ranked by score, from which the benchmark takes CPR.</summary>
    public required MibMeasures Score { get; init; }
    /// <summary>The measures of circuits ranked by |score|, from which the benchmark takes CMD.</summary>
    public required MibMeasures Size { get; init; }
    /// <summary>The mean metric of the whole model.</summary>
    public required double Full { get; init; }
    /// <summary>The mean metric of the circuit without edges.</summary>
    public required double Empty { get; init; }
    /// <summary>How it came about.</summary>
    public required RunRecord Run { get; init; }

    /// <summary>What the result's own members are ranked by.</summary>
    public string RankedBy => ReportsSize ? BySize : ByScore;

    /// <summary>Writes the members of the file.</summary>
    public void Write(Utf8JsonWriter json)
    {
        ArgumentNullException.ThrowIfNull(json);
        json.WriteString("cell", Cell);
        json.WriteString("ranked_by", RankedBy);
        json.WriteNumbersOrNull("p", CurveAreas.MibFractions);
        Measures(json, ReportsSize ? Size : Score);
        json.WriteNumberOrNull("full", Full);
        json.WriteNumberOrNull("empty", Empty);
        // The benchmark's table takes one number from each ranking.
        foreach (var (name, measures) in (ReadOnlySpan<(string, MibMeasures)>)[(ByScore, Score), (BySize, Size)])
        {
            json.WriteStartObject($"by_{name}");
            Measures(json, measures);
            json.WriteEndObject();
        }
        json.WritePropertyName("run");
        RunRecordJson.Write(json, Run);
    }

    /// <summary>Reads a file that <see cref="Write"/> has written.</summary>
    /// <exception cref="InputException">It cannot be read, or is no such file.</exception>
    public static MibResult Read(string path)
    {
        var bytes = RegularFile.ReadAll(path, FileUse.Data, Largest);
        try
        {
            using var document = JsonDocument.Parse(bytes);
            var json = document.RootElement;
            return new()
            {
                Cell = json.GetProperty("cell").GetString() ?? "",
                ReportsSize = json.GetProperty("ranked_by").GetString() == BySize,
                Score = Measures(json.GetProperty($"by_{ByScore}")),
                Size = Measures(json.GetProperty($"by_{BySize}")),
                Full = json.GetProperty("full").NumberOrNaN(),
                Empty = json.GetProperty("empty").NumberOrNaN(),
                Run = RunRecordJson.Read(new JsonTokens(new MemoryStream(Encoding.UTF8.GetBytes(json.GetProperty("run").GetRawText())), $"{path}: run"), _ => { }),
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or FormatException or KeyNotFoundException)
        {
            throw new InputException($"{path}: is no result of faith mib evaluate ({PlainText.Short(e.Message, 120)})", e);
        }
    }

    private static void Measures(Utf8JsonWriter json, MibMeasures measures)
    {
        json.WriteNumbersOrNull("edges", measures.Edges);
        json.WriteNumbersOrNull("faithfulness", measures.Faithfulness);
        json.WriteNumberOrNull("cpr", measures.Cpr);
        json.WriteNumberOrNull("cmd", measures.Cmd);
        json.WriteNumberOrNull("acc_auc", measures.AccuracyArea);
        json.WriteNumberOrNull("average", measures.Average);
    }

    private static MibMeasures Measures(JsonElement json) => new(json.GetProperty("edges").NumbersOrNaN(), json.GetProperty("faithfulness").NumbersOrNaN(),
        json.GetProperty("cpr").NumberOrNaN(), json.GetProperty("cmd").NumberOrNaN(), json.GetProperty("acc_auc").NumberOrNaN(), json.GetProperty("average").NumberOrNaN());
}
