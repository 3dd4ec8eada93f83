using System.Text.Json;

namespace Faith.Engine.ScoreFiles;

/// <summary>The JSON of a <see cref="RunRecord"/>.</summary>
internal static class RunRecordJson
{
    /// <summary>Writes a record as an object. A number that JSON cannot hold (no gap, an infinite gap) is left out.</summary>
    public static void Write(Utf8JsonWriter json, RunRecord run)
    {
        json.WriteStartObject();
        Text("version", run.Version);
        Text("model", run.Model);
        Text("model_hash", run.ModelHash);
        Text("data", run.Data);
        Text("data_hash", run.DataHash);
        Text("method", run.Method);
        Number("steps", run.Steps);
        Text("rule", run.Rule);
        Text("metric", run.Metric);
        Text("ablation", run.Ablation);
        Text("level", run.Level);
        Text("device", run.Device);
        Number("examples", run.Examples);
        Number("completeness_gap", run.CompletenessGap);
        Number("seconds", run.Seconds);
        if (run.Options.Count > 0)
        {
            json.WriteStartObject("options");
            foreach (var (name, value) in run.Options.OrderBy(o => o.Key, StringComparer.Ordinal)) json.WriteString(name, value);
            json.WriteEndObject();
        }
        json.WriteEndObject();

        void Text(string name, string? value)
        {
            if (value is not null) json.WriteString(name, value);
        }

        void Number(string name, double? value)
        {
            if (value is { } number && double.IsFinite(number)) json.WriteNumber(name, Figures.WithoutMinusZero(number));
        }
    }

    /// <summary>A record as names and values, in the order of the file; those of its options among them.</summary>
    public static IReadOnlyList<KeyValuePair<string, string>> Pairs(RunRecord run)
    {
        using var memory = new MemoryStream();
        using (var json = new Utf8JsonWriter(memory)) Write(json, run);
        using var document = JsonDocument.Parse(memory.ToArray());
        return [.. document.RootElement.EnumerateObject().SelectMany(p => p.Value.ValueKind == JsonValueKind.Object ? p.Value.EnumerateObject() : (IEnumerable<JsonProperty>)[p])
            .Select(p => new KeyValuePair<string, string>(p.Name, p.Value.ToString()))];
    }

    /// <summary>Reads a record: the value that comes next. <paramref name="at"/> is told the key being read, for messages.</summary>
    public static RunRecord Read(JsonTokens tokens, Action<string> at)
    {
        var run = new RunRecord();
        var options = new SortedDictionary<string, string>(StringComparer.Ordinal);
        tokens.Expect(JsonTokenType.StartObject, "an object that records a run");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            var key = tokens.Text.ToString();
            if (!Known.Contains(key))
            {
                tokens.Skip();
                continue;
            }
            at(key);
            tokens.Next();
            if (tokens.Type == JsonTokenType.Null) continue;
            run = key switch
            {
                "version" => run with { Version = Text() },
                "model" => run with { Model = Text() },
                "model_hash" => run with { ModelHash = Text() },
                "data" => run with { Data = Text() },
                "data_hash" => run with { DataHash = Text() },
                "method" => run with { Method = Text() },
                "steps" => run with { Steps = Count() },
                "rule" => run with { Rule = Text() },
                "metric" => run with { Metric = Text() },
                "ablation" => run with { Ablation = Text() },
                "level" => run with { Level = Text() },
                "device" => run with { Device = Text() },
                "examples" => run with { Examples = Count() },
                "completeness_gap" => run with { CompletenessGap = Number() },
                "seconds" => run with { Seconds = Number() },
                _ => run with { Options = ReadOptions() },
            };
            at("");
        }
        return run;

        string Text() => tokens.Type == JsonTokenType.String ? tokens.Text.ToString() : throw tokens.Fault("should be a string");

        double Number() =>
            tokens.Type == JsonTokenType.Number && double.IsFinite(tokens.Number) ? tokens.Number : throw tokens.Fault("should be a finite number");

        int Count() =>
            Number() is >= 0 and <= int.MaxValue and var n && n == Math.Floor(n) ? (int)n : throw tokens.Fault("should be a whole number");

        SortedDictionary<string, string> ReadOptions()
        {
            if (tokens.Type != JsonTokenType.StartObject) throw tokens.Fault("should be an object of strings");
            for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
            {
                var name = tokens.Text.ToString();
                options[name] = tokens.String();
            }
            return options;
        }
    }

    private static readonly HashSet<string> Known =
    [
        "version", "model", "model_hash", "data", "data_hash", "method", "steps", "rule", "metric", "ablation", "level", "device",
        "examples", "completeness_gap", "seconds", "options",
    ];
}
