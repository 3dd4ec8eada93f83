using System.CommandLine;
using System.Globalization;
using Faith.Engine;
using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;
using Faith.Engine.ScoreFiles;

namespace Faith.Cli;

/// <summary>What commands that select circuits do with scores by span (faith attribute --positions), of which edges and nodes are selected.</summary>
internal static class SpanSelectionOptions
{
    /// <summary>Refuses levels and options that are of other scores.</summary>
    /// <exception cref="InputException">One of them is given, or the selection is none of spans.</exception>
    public static void Check(ParseResult parse, string path, string select, ScoreLevel level, params ReadOnlySpan<Option> others)
    {
        if (level == ScoreLevel.Neuron) throw new InputException($"{path} holds scores by span, which are of edges and nodes; leave --level neuron and numbers of neurons out");
        foreach (var option in others)
        {
            if (parse.GetResult(option) is { Implicit: false }) throw new InputException($"{option.Name}: {path} holds scores by span, of which edges are selected by {string.Join(", ", SpanSelection.Names)} or a threshold; leave it out");
        }
        if (!SpanSelection.Names.Contains(select)) throw new InputException($"--select {select}: {path} holds scores by span, of which edges are selected by {string.Join(" or ", SpanSelection.Names)}");
    }

    /// <summary>Writes the circuit of a number of edges or nodes, or of those that score so much.</summary>
    public static void Select(CommandContext context, SpanScoreFile file, string path, string outputPath, ScoreLevel level, string select, bool signed, int? number, double? least)
    {
        var (graph, values) = (file.Graph, SpanLevelScores.Of(file, path, level, select));
        var what = level == ScoreLevel.Edge ? "edges" : "nodes";
        if (number > values.Most) throw new InputException($"--{what} {number}: the graph of {path} has only {values.Most}{(level == ScoreLevel.Edge ? "" : " heads and MLPs at spans")}");
        var circuit = number is { } count ? values.Top(count, signed) : values.Threshold(least!.Value, signed);
        var run = file.Run ?? new RunRecord();
        var options = new SortedDictionary<string, string>(run.Options.ToDictionary(), StringComparer.Ordinal) { ["signed"] = signed ? "true" : "false" };
        if (level != ScoreLevel.Edge) options["select_level"] = level.Name();
        if (number is not null && level == ScoreLevel.Edge) options["select"] = select;
        if (number is not null) options[what] = number.Value.ToString(CultureInfo.InvariantCulture);
        else options["threshold"] = Figures.Exact(least!.Value);
        new SpanScoreFile { Graph = graph, DModel = file.DModel, Scores = file.Scores, NodeScores = file.NodeScores, InGraph = circuit, Run = run with { Options = options } }.Write(outputPath);
        CircuitFile.NoteDoubts(context.Note, path, file);
        context.Output.WriteLine($"{outputPath}: {circuit.EdgeCount} of {graph.Edges} edges over {graph.Spans.Count} spans, {circuit.NodesInCircuit().Count} of {graph.Model.Nodes * graph.Spans.Count} nodes");
    }
}
