using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Experiments;

/// <summary>Files of scores and circuits that belong to a model.</summary>
public static class CircuitFile
{
    /// <summary>Reads a file and refuses one of another model's graph.</summary>
    public static ScoreFile Read(string path, LoadedModel model)
    {
        var file = ScoreFile.Read(path);
        RequireGraph(path, file.Graph, model);
        if (file.InGraph.Neurons is { } neurons && neurons.Width != model.Config.Width) throw new InputException($"{path}: is of a model with {neurons.Width} neurons a node; {model.Name} has {model.Config.Width}");
        return file;
    }

    /// <summary>The same of a file by span; null where it is none.</summary>
    public static SpanScoreFile? TryReadSpans(string path, LoadedModel model)
    {
        if (SpanScoreFile.TryRead(path) is not { } file) return null;
        RequireGraph(path, file.Graph.Model, model);
        return file;
    }

    /// <summary>Refuses scores by span from which nobody has selected a circuit.</summary>
    public static void RequireCircuit(string path, SpanScoreFile file)
    {
        if (file.InGraph.EdgeCount == 0 && !IsSelected(file.Run) && file.Scores is not null) throw NoCircuit(path);
    }

    /// <summary>The same of a file that must hold a circuit.</summary>
    public static ScoreFile ReadCircuit(string path, LoadedModel model)
    {
        var file = Read(path, model);
        RequireCircuit(path, file);
        return file;
    }

    /// <summary>Refuses scores from which nobody has selected a circuit; an empty one that was selected is one.</summary>
    public static void RequireCircuit(string path, ScoreFile file)
    {
        if (HoldsCircuit(file)) return;
        throw NoCircuit(path);
    }

    private static InputException NoCircuit(string path) => new($"{path}: holds scores of which no circuit has been selected; faith circuit --scores {path} --edges N --out circuit.json selects one");

    /// <summary>Whether the edges of a file were selected, be it none of them; else it holds scores alone.</summary>
    public static bool HoldsCircuit(ScoreFile file)
    {
        return file.InGraph.EdgeCount > 0 || IsSelected(file.Run) || (file.Scores is null && file.Nodes is null);
    }

    private static bool IsSelected(RunRecord? run) => run?.Options is { } options && ((string[])["edges", "nodes", "neurons", "threshold"]).Any(options.ContainsKey);

    /// <summary>Says, once a run is done, what speaks against the scores of its file, and that they are those of another model with the same graph, where they are.</summary>
    public static void NoteDoubts(Action<string> note, string path, ScoreFile file, LoadedModel model)
    {
        NoteDoubts(note, path, file);
        NoteOtherModel(note, path, file.Run, model);
    }

    /// <summary>The same of a file by span.</summary>
    public static void NoteDoubts(Action<string> note, string path, SpanScoreFile file, LoadedModel model)
    {
        NoteDoubts(note, path, file);
        NoteOtherModel(note, path, file.Run, model);
    }

    /// <summary>Says what speaks against the scores of a file, by its record and by their signs.</summary>
    public static void NoteDoubts(Action<string> note, string path, ScoreFile file)
    {
        if (ScoreDoubt.Of(file.Run) is { } doubt) note($"{path}: {doubt}");
        if (ScoreDoubt.OfSigns(file) is { } signs) note($"{path}: {signs}");
    }

    /// <summary>Says what speaks against the scores of a file by span, by its record.</summary>
    public static void NoteDoubts(Action<string> note, string path, SpanScoreFile file)
    {
        if (ScoreDoubt.Of(file.Run) is { } doubt) note($"{path}: {doubt}");
    }

    private static void NoteOtherModel(Action<string> note, string path, RunRecord? run, LoadedModel model)
    {
        if (run?.ModelHash is { } hash && hash != model.Hash) note($"{path} was made with another model ({run.Model}) than {model.Name}, of the same graph");
    }

    private static void RequireGraph(string path, ModelGraph graph, LoadedModel model)
    {
        if (graph != model.Graph) throw new InputException($"{path}: is of a model with {Describe(graph.Layers, graph.Heads, graph.Parallel)}; {model.Name} has {Describe(model.Graph.Layers, model.Graph.Heads, model.Graph.Parallel)}");
    }

    private static string Describe(int layers, int heads, bool parallel) => $"{layers} layers of {heads} heads{(parallel ? " in parallel with the MLPs" : "")}";
}
