using System.Text.Json;
using System.Text.Json.Nodes;

namespace Faith.Engine.Tests.Tokenizers;

/// <summary>The files that oracle/make_expected.mjs writes.</summary>
public static class Fixtures
{
    /// <summary>The strings of all cases.</summary>
    public static string[] Strings { get; } = JsonSerializer.Deserialize<string[]>(File.ReadAllText(Path("strings.json")))!;

    /// <summary>One line a variant: its parts, and what the original library gives.</summary>
    public static Dictionary<string, JsonObject> Variants { get; } =
        File.ReadLines(Path("expected.jsonl")).Select(line => JsonNode.Parse(line)!.AsObject()).ToDictionary(line => (string)line["name"]!);

    /// <summary>The path of a fixture.</summary>
    public static string Path(string name) => System.IO.Path.Combine(AppContext.BaseDirectory, "Tokenizers", "fixtures", name);

    /// <summary>The tokenizer.json of a base.</summary>
    public static JsonObject Base(string name) => JsonNode.Parse(File.ReadAllText(Path($"{name}.json")))!.AsObject();

    /// <summary>The tokenizer.json of a variant: its base with whole parts replaced.</summary>
    public static JsonObject Build(JsonObject variant)
    {
        JsonObject whole = Base((string)variant["base"]!);
        foreach ((string name, JsonNode? part) in variant["parts"]!.AsObject())
            whole[name] = part?.DeepClone();
        foreach ((string name, JsonNode? option) in variant["model"]!.AsObject())
            whole["model"]![name] = option?.DeepClone();
        return whole;
    }
}
