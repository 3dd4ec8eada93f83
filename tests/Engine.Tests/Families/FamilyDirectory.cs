using System.Text.Json.Nodes;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Tests.Models;

namespace Faith.Engine.Tests.Families;

/// <summary>A family's model and what is known about it.</summary>
internal sealed class FamilyDirectory
{
    private readonly string edges;

    internal FamilyDirectory(string family)
        : this(Path.Combine(Root, family), Path.Combine(Root, family), JsonNode.Parse(File.ReadAllText(Path.Combine(Root, family, "golden.json")))!) { }

    internal FamilyDirectory(string folder, string edges, JsonNode golden)
    {
        (Folder, this.edges) = (folder, edges);
        Golden = [.. golden.AsArray().Select(node => node!)];
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

    /// <summary>A file of what is known.</summary>
    internal JsonNode Read(string file) => JsonNode.Parse(File.ReadAllText(Path.Combine(edges, file + ".json")))!;

    /// <summary>A file of edge scores, as [F·N].</summary>
    internal double[] Scores(string file, ModelGraph graph)
    {
        var known = Read(file).AsObject();
        if (known.Count != graph.Edges) throw new InvalidDataException($"{file}: {known.Count} edges, the graph has {graph.Edges}");
        var scores = new double[graph.Sources * graph.Columns];
        for (var u = 0; u < graph.Sources; u++)
        {
            for (var v = 0; v < graph.Columns; v++)
            {
                if (graph.IsEdge(new(u), new(v))) scores[u * graph.Columns + v] = (double)known[graph.EdgeName(graph.Edge(new(u), new(v)))]!;
            }
        }
        return scores;
    }

    /// <summary>A copy of the model with another config.json.</summary>
    internal TemporaryDirectory With(Action<JsonObject> change) => Copy(Folder, change);

    /// <summary>The same of any model in one file.</summary>
    internal static TemporaryDirectory Copy(string folder, Action<JsonObject> change)
    {
        var copy = new TemporaryDirectory();
        var config = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "config.json")))!.AsObject();
        change(config);
        File.WriteAllText(copy.File("config.json"), config.ToJsonString());
        File.Copy(Path.Combine(folder, "model.safetensors"), copy.File("model.safetensors"));
        return copy;
    }

    private static int[] Tokens(JsonNode array) => [.. array.AsArray().Select(token => (int)token!)];
}
