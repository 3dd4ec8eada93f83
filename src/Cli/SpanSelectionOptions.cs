using System.CommandLine;
using System.Globalization;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli;

/// <summary>What commands that select circuits do with scores by span (faith attribute --positions), of which edges alone are selected.</summary>
internal static class SpanSelectionOptions
{
    /// <summary>Refuses options that are of other scores.</summary>
    /// <exception cref="InputException">One of them is given, or the selection is none of spans.</exception>
    public static void Check(ParseResult parse, string path, string select, ScoreLevel level, params ReadOnlySpan<Option> others)
    {
        if (level != ScoreLevel.Edge) throw new InputException($"{path} holds scores by span, which are of edges; leave --level {level.Name()} and numbers of {level.Name()}s out");
        foreach (var option in others)
        {
            if (parse.GetResult(option) is { Implicit: false }) throw new InputException($"{option.Name}: {path} holds scores by span, of which edges are selected by {string.Join(", ", SpanSelection.Names)} or a threshold; leave it out");
        }
        if (!SpanSelection.Names.Contains(select)) throw new InputException($"--select {select}: {path} holds scores by span, of which edges are selected by {string.Join(" or ", SpanSelection.Names)}");
    }

    /// <summary>The scores of a file.</summary>
    /// <exception cref="InputException">It has none.</exception>
    public static SpanScores ScoresOf(SpanScoreFile file, string path) => file.Scores ?? throw new InputException($"{path}: the edges have no scores to select by; faith attribute --positions gives them");

    /// <summary>Writes the circuit of a number of edges, or of those that score so much.</summary>
    public static void Select(CommandContext context, SpanScoreFile file, string path, string outputPath, string select, bool signed, int? edges, double? least)
    {
        var (graph, scores) = (file.Graph, ScoresOf(file, path));
        if (edges > graph.Edges) throw new InputException($"--edges {edges}: the graph of {path} has only {graph.Edges}");
        var circuit = edges is { } count ? SpanSelection.Select(scores, select, count, signed) : SpanSelection.Threshold(scores, least!.Value, signed);
        var run = file.Run ?? new RunRecord();
        var options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal) { ["signed"] = signed ? "true" : "false" };
        if (edges is { } asked) (options["edges"], options["select"]) = (asked.ToString(CultureInfo.InvariantCulture), select);
        else options["threshold"] = Figures.Exact(least!.Value);
        new SpanScoreFile { Graph = graph, DModel = file.DModel, Scores = scores, InGraph = circuit, Run = run with { Options = options } }.Write(outputPath);
        CircuitFile.NoteDoubts(context.Note, path, file);
        context.Output.WriteLine($"{outputPath}: {circuit.EdgeCount} of {graph.Edges} edges over {graph.Spans.Count} spans, {circuit.NodesInCircuit().Count} of {graph.Model.Nodes * graph.Spans.Count} nodes");
    }
}
