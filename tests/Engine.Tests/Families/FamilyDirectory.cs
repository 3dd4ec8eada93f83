using System.Text.Json.Nodes;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Tests.Models;

namespace Faith.Engine.Tests.Families;

/// <summary>A family's model and what is known about it.</summary>
internal sealed class FamilyDirectory
{
    internal FamilyDirectory(string family)
    {
        Folder = Path.Combine(Root, family);
        Golden = [.. JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "golden.json")))!.AsArray().Select(node => node!)];
        Examples = [.. File.ReadLines(Path.Combine(Folder, "data.jsonl")).Select(line => JsonNode.Parse(line)!).Select(node => new Example(
            Tokens(node["clean"]!), Tokens(node["corrupted"]!), Tokens(node["answers"]!), Tokens(node["distractors"]!)))];
    }

    /// <summary>Where the families lie.</summary>
    internal static string Root => Path.Combine(AppContext.BaseDirectory, "Families");

    internal string Folder { get; }

    /// <summary>What is known about each example.</summary>
    internal JsonNode[] Golden { get; }

    internal Example[] Examples { get; }

    internal ModelWeights Load() => ModelLoader.Load(Folder);

    /// <summary>A file of edge scores, as [F·N].</summary>
    internal double[] Scores(string file, ModelGraph graph)
    {
        var edges = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, file + ".json")))!.AsObject();
        if (edges.Count != graph.Edges) throw new InvalidDataException($"{file}: {edges.Count} edges, the graph has {graph.Edges}");
        var scores = new double[graph.Sources * graph.Columns];
        for (var u = 0; u < graph.Sources; u++)
        {
            for (var v = 0; v < graph.Columns; v++)
            {
                if (graph.IsEdge(new(u), new(v))) scores[u * graph.Columns + v] = (double)edges[graph.EdgeName(graph.Edge(new(u), new(v)))]!;
            }
        }
        return scores;
    }

    /// <summary>A copy of the model with another config.json.</summary>
    internal TemporaryDirectory With(Action<JsonObject> change)
    {
        var copy = new TemporaryDirectory();
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(Folder, "config.json")))!.AsObject();
        change(config);
        File.WriteAllText(copy.File("config.json"), config.ToJsonString());
        File.Copy(Path.Combine(Folder, "model.safetensors"), copy.File("model.safetensors"));
        return copy;
    }

    private static int[] Tokens(JsonNode array) => [.. array.AsArray().Select(token => (int)token!)];
}
