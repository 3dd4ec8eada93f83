using System.Globalization;
using Faith.Engine.Experiments;
using Faith.Engine.Graphs;

namespace Faith.Engine.Reports;

/// <summary>What a study found, in words made from its results.</summary>
public static class StudyProse
{
    private const int NodesNamed = 6;
    private const int EdgesCompared = 100;

    /// <summary>Whether the model does the task.</summary>
    public static string Accuracy(TaskStudy study) =>
        Text($"The model answers {study.Accuracy.CleanRight:0.0%} of {study.Data.Count} clean prompts rightly (an answer beats every distractor); ")
        + Text($"{study.Accuracy.CorruptedChanged:0.0%} of the corrupted ones no longer prefer the answer. ")
        + Text($"Mean logit difference: {Figures.Fixed(study.EapIg.Clean.Average(), 2)} clean, {Figures.Fixed(study.EapIg.Corrupted.Average(), 2)} corrupted.");

    /// <summary>The closing paragraph: how small a circuit keeps how much, and how that compares.</summary>
    public static string Conclusion(TaskStudy study)
    {
        var i = study.ChosenIndex;
        var (point, edges) = (study.EapIgSweep.Points[i], study.EapIg.Scores.Graph.Edges);
        var circuit = point.Circuits[0];
        var nodes = Text($"The nodes that carry most of the score are {string.Join(", ", Strongest(study, circuit))}.");
        if (study.AnyCircuit.Undefined is not null) return $"Normalised faithfulness is {FaithfulnessText.Of(study.AnyCircuit)}. {nodes}";
        var sentences = new List<string>
        {
            Text($"EAP-IG keeps {Figures.Percent(point.Mean)} of the behaviour with {point.Edges} of {edges:#,0} edges ({(double)point.Edges / edges:0.0%}) and {point.Nodes} of {circuit.Graph.Nodes} nodes."),
            Text($"At that size EAP keeps {Figures.Percent(study.EapSweep.Points[i].Mean)}, and {study.RandomSweep.Points[i].Circuits.Count} random circuits keep {Figures.Percent(study.RandomSweep.Points[i].Mean)} on average."),
            nodes,
        };
        return string.Join(' ', sentences);
    }

    /// <summary>How good the scores themselves are.</summary>
    public static string Scores(TaskStudy study)
    {
        var agreement = Text($"EAP and EAP-IG agree on {Overlap(study)} of the {Math.Min(EdgesCompared, study.Eap.Scores.Graph.Edges)} strongest edges.");
        if (study.Doubt is { } doubt) agreement += $" {char.ToUpperInvariant(doubt[0])}{doubt[1..]}.";
        return study.EapIg.CompletenessGap is { } gap
            ? Text($"The edges out of the input add up to the loss the corruption causes but for {Figures.Percent(gap, 1)} (completeness gap, {study.EapIgSteps} steps). ") + agreement
            : agreement;
    }

    /// <summary>Seconds of the parts.</summary>
    public static string Times(TaskStudy study, string device) => Text(
        $"On {device}: EAP {study.Eap.Seconds:0.00} s, EAP-IG {study.EapIg.Seconds:0.00} s, {study.Sweeps.Sum(s => s.Points.Sum(p => p.Circuits.Count))} circuits {study.CircuitSeconds:0.00} s.");

    /// <summary>Heads and MLPs of the circuit by the |score| of their edges in it.</summary>
    private static IEnumerable<string> Strongest(TaskStudy study, Circuit circuit)
    {
        var (graph, strength) = (circuit.Graph, new double[circuit.Graph.Nodes]);
        foreach (var edge in circuit.Edges)
        {
            var score = Math.Abs(study.EapIg.Scores.Values[edge]);
            strength[graph.SourceOf(edge)] += score;
            strength[graph.TargetOf(edge)] += score;
        }
        return graph.AllSources.Skip(1).Where(n => strength[n] > 0).OrderByDescending(n => strength[n]).ThenBy(n => n).Take(NodesNamed).Select(graph.NodeName);
    }

    private static int Overlap(TaskStudy study)
    {
        var best = Best(study.EapIg.Scores).ToHashSet();
        return Best(study.Eap.Scores).Count(best.Contains);

        static IEnumerable<EdgeId> Best(EdgeScores scores) => scores.Graph.AllEdges.OrderByDescending(e => Math.Abs(scores.Values[e])).Take(EdgesCompared);
    }

    private static string Text(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
