using System.Text.Json;
using Faith.Engine.Files;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Mib;

/// <summary>
/// Looks at every entry of a file that is to be submitted and says all that is wrong with it, a line for each kind of fault with the first entry that has it and how
/// many others have; a reader of scores stops at the first.
/// </summary>
internal sealed class MibFileCheck
{
    private readonly string path;
    private readonly MibModel model;
    private readonly ModelGraph graph;
    private readonly bool isCircuit;
    private readonly JsonTokens tokens;
    private readonly List<(string Kind, string First, int Count)> faults = [];
    private readonly HashSet<EdgeId> edges = [];
    private readonly HashSet<NodeId> listed = [], nodes = [], neurons = [];
    private int members, width, nonZero, nonZeroEdges;
    private bool hasConfig, isOther;

    private MibFileCheck(string path, MibModel model, bool isCircuit, Stream stream)
    {
        (this.path, this.model, this.isCircuit) = (path, model, isCircuit);
        graph = new(model.Layers, model.Heads);
        tokens = new(stream, path) { TakesNotFinite = true };
    }

    /// <summary>Looks at a file of scores, or of a circuit.</summary>
    /// <returns>What is wrong, and how many edges are in the circuit.</returns>
    /// <exception cref="InputException">It cannot be read, or is no JSON.</exception>
    public static (IReadOnlyList<string> Wrong, int Edges) Of(string path, MibModel model, bool isCircuit)
    {
        using var stream = new FileStream(RegularFile.Open(path), FileAccess.Read, bufferSize: 0);
        var check = new MibFileCheck(path, model, isCircuit, stream);
        check.ReadAll();
        return ([.. check.Lines()], check.members);
    }

    private IEnumerable<string> Lines() => faults.Select(fault => $"{path}: {fault.First}{(fault.First.Length > 0 ? " " : "")}{fault.Kind}{(fault.Count > 1 ? $", and {fault.Count - 1} more" : "")}");

    private void Fault(string place, string kind)
    {
        var at = faults.FindIndex(fault => fault.Kind == kind);
        if (at < 0) faults.Add((kind, place, 1));
        else faults[at] = faults[at] with { Count = faults[at].Count + 1 };
    }

    private void ReadAll()
    {
        tokens.Expect(JsonTokenType.StartObject, "an object with cfg, nodes and edges");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            switch (tokens.Text)
            {
                case "cfg": ReadConfig(); break;
                case "nodes": ReadEntries("nodes", ReadNode); break;
                case "edges": ReadEntries("edges", ReadEdge); break;
                default: tokens.Skip(); break;
            }
        }
        if (!hasConfig) Fault("", "has no \"cfg\" with n_layers and n_heads");
        if (isOther || isCircuit) return;
        if (edges.Count > 0) Complete("edges", graph.AllEdges.Where(edge => !edges.Contains(edge)).Select(graph.EdgeName));
        else if (neurons.Count > 0) Complete("nodes", graph.AllSources.Where(node => !neurons.Contains(node)).Select(graph.NodeName));
        else if (nodes.Count > 0) Complete("nodes", graph.AllSources.Where(node => !nodes.Contains(node)).Select(graph.NodeName));
        // Where edges are listed, scores of nodes are read in their place only if all nodes have one.
        var counted = edges.Count > 0 && !graph.AllSources.All(node => nodes.Contains(node) || neurons.Contains(node)) ? nonZeroEdges : nonZero;
        if (counted == 0 && faults.Count == 0) Fault("", "has no score of its edges, nor of all of its nodes, other than 0");
    }

    private void Complete(string section, IEnumerable<string> missing)
    {
        foreach (var name in missing) Fault($"{section}[\"{name}\"]", $"is not there; a file of scores has all {(section == "edges" ? graph.Edges : graph.Sources)} of {model.Name}");
    }

    private void ReadConfig()
    {
        hasConfig = true;
        int? layers = null, heads = null;
        tokens.Expect(JsonTokenType.StartObject, "an object with n_layers and n_heads");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            switch (tokens.Text)
            {
                case "n_layers": layers = tokens.Integer(1, ScoreFileReader.MostLayers); break;
                case "n_heads": heads = tokens.Integer(1, ScoreFileReader.MostHeads); break;
                case "d_model": width = tokens.Integer(1, ScoreFileReader.MostWidth); break;
                default: tokens.Skip(); break;
            }
        }
        if ((layers, heads) == (model.Layers, model.Heads)) return;
        // Nothing else is right then.
        isOther = true;
        faults.Clear();
        Fault("", layers is null || heads is null ? "cfg lacks n_layers or n_heads" : $"is of a model with {layers} layers of {heads} heads; {model.Name} has {model.Layers} of {model.Heads}");
    }

    private void ReadEntries(string section, Action<string, string> read)
    {
        tokens.Expect(JsonTokenType.StartObject, $"{section}: an object");
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            var name = tokens.Text.ToString();
            tokens.Next();
            if (isOther) tokens.SkipCurrent();
            else read(name, $"{section}[{PlainText.Quote(PlainText.Short(name))}]");
        }
    }

    private void ReadEdge(string name, string place)
    {
        if (!GraphNames.TryParseEdge(graph, name, out var edge)) Fault(place, $"is no edge of {model.Name}");
        else if (!edges.Add(edge)) Fault(place, "is given twice");
        var before = nonZero;
        var (isIn, isScored) = ReadEntry(place);
        nonZeroEdges += nonZero - before;
        if (isIn) members++;
        // Of circuits too, though it means nothing there.
        if (!isScored) Fault(place, "has no score, which the benchmark's reader asks of every edge");
    }

    private void ReadNode(string name, string place)
    {
        var isKnown = GraphNames.TryParseNode(graph, name, out var node);
        if (!isKnown) Fault(place, $"is no node of {model.Name}");
        var (_, isScored) = ReadEntry(place, () =>
        {
            if (isKnown) neurons.Add(node);
        });
        if (!isKnown) return;
        if (!listed.Add(node)) Fault(place, "is given twice");
        if (isScored) nodes.Add(node);
    }

    // The members of an entry, whose value is the current token.
    private (bool IsIn, bool IsScored) ReadEntry(string place, Action? hasNeurons = null)
    {
        var (isIn, isScored, isMember) = (false, false, false);
        if (tokens.Type is JsonTokenType.True or JsonTokenType.False) return (tokens.Type == JsonTokenType.True, false);
        if (tokens.Type != JsonTokenType.StartObject)
        {
            Fault(place, "should be an object");
            tokens.SkipCurrent();
            return (false, true);
        }
        for (tokens.Next(); tokens.Type != JsonTokenType.EndObject; tokens.Next())
        {
            switch (tokens.Text)
            {
                case "score":
                    isScored = true;
                    tokens.Next();
                    Number(place, "a score");
                    break;
                case "in_graph":
                    tokens.Next();
                    isMember = true;
                    isIn = tokens.Type == JsonTokenType.True;
                    if (tokens.Type is not (JsonTokenType.True or JsonTokenType.False)) Wrong(place, "has an in_graph that is neither true nor false");
                    break;
                case "neurons_scores":
                    ReadNeurons(place);
                    hasNeurons?.Invoke();
                    break;
                default: tokens.Skip(); break;
            }
        }
        if (isCircuit && hasNeurons is null && !isMember) Fault(place, "has no in_graph, which says whether it is in the circuit");
        return (isIn, isScored);
    }

    private void ReadNeurons(string place)
    {
        tokens.Expect(JsonTokenType.StartArray, "an array of scores");
        var count = 0;
        for (tokens.Next(); tokens.Type != JsonTokenType.EndArray; tokens.Next(), count++) Number(place, "a neuron's score");
        if (width > 0 && count != width) Fault(place, $"has not the {width} neurons of d_model");
    }

    private void Number(string place, string what)
    {
        if (tokens.Type != JsonTokenType.Number) Wrong(place, $"has {what} that is no number");
        else if (double.IsNaN(tokens.Number)) Fault(place, $"has NaN for {what}");
        else if (double.IsInfinity(tokens.Number)) Fault(place, $"has infinity for {what}");
        else if (tokens.Number != 0) nonZero++;
    }

    private void Wrong(string place, string kind)
    {
        Fault(place, kind);
        tokens.SkipCurrent();
    }
}
