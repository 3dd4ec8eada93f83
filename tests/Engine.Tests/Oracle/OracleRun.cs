using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Models;
using Faith.Engine.Passes;

namespace Faith.Engine.Tests.Oracle;

/// <summary>
/// What the engine must answer: one call, one answer. Everything is recomputed in every call and examples are taken one by one,
/// so it is for small models and few examples.
/// </summary>
public static class OracleRun
{
    /// <summary>
    /// Edge scores [F·N], the mean over the examples. <paramref name="rule"/> is left for EAP-IG and right (step 1 … m) for
    /// EAP-IG (activations) unless given; the other methods take no steps. Means of an ablation are over the clean prompts of
    /// <paramref name="ablationExamples"/>, which are the examples themselves unless given. Gradients are derivatives unless <paramref name="rules"/> say otherwise.
    /// </summary>
    public static double[] Scores(
        ModelWeights weights, IReadOnlyList<Example> examples, OracleMethod method, int steps = 5, OracleRule? rule = null,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching,
        IReadOnlyList<Example>? ablationExamples = null, GradientRule? rules = null) =>
        Mean(PerExample(weights, examples, method, steps, rule, metric, ablation, ablationExamples, rules));

    /// <summary>Edge scores [F·N] of every example.</summary>
    public static double[][] PerExample(
        ModelWeights weights, IReadOnlyList<Example> examples, OracleMethod method, int steps = 5, OracleRule? rule = null,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching,
        IReadOnlyList<Example>? ablationExamples = null, GradientRule? rules = null)
    {
        var scores = Scorer(weights, examples, method, metric, ablation, ablationExamples, rules);
        return examples.Select(example => scores.Edges(example, method, Points(method, rule, steps))).ToArray();
    }

    /// <summary>Edge scores [F·N] with an integration rule given by its points.</summary>
    public static double[] Scores(
        ModelWeights weights, IReadOnlyList<Example> examples, OracleMethod method, IReadOnlyList<PathPoint> points,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching,
        IReadOnlyList<Example>? ablationExamples = null, GradientRule? rules = null)
    {
        var scores = Scorer(weights, examples, method, metric, ablation, ablationExamples, rules);
        return Mean(examples.Select(example => scores.Edges(example, method, points)).ToArray());
    }

    /// <summary>Node scores [F], the mean over the examples.</summary>
    public static double[] NodeScores(
        ModelWeights weights, IReadOnlyList<Example> examples, OracleMethod method, int steps = 5, OracleRule? rule = null,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching,
        IReadOnlyList<Example>? ablationExamples = null, GradientRule? rules = null)
    {
        var scores = Scorer(weights, examples, method, metric, ablation, ablationExamples, rules);
        return Mean(examples.Select(example => scores.Nodes(example, method, Points(method, rule, steps))).ToArray());
    }

    /// <summary>Neuron scores [F·d], the mean over the examples.</summary>
    public static double[] NeuronScores(
        ModelWeights weights, IReadOnlyList<Example> examples, OracleMethod method, int steps = 5, OracleRule? rule = null,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching,
        IReadOnlyList<Example>? ablationExamples = null, GradientRule? rules = null)
    {
        var scores = Scorer(weights, examples, method, metric, ablation, ablationExamples, rules);
        return Mean(examples.Select(example => scores.Neurons(example, method, Points(method, rule, steps))).ToArray());
    }

    /// <summary>Scores by span [entries], the mean over the examples, which have the span of every position.</summary>
    public static double[] SpanScores(
        ModelWeights weights, SpanGraph graph, IReadOnlyList<Example> examples, OracleMethod method, int steps = 5, OracleRule? rule = null,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching, GradientRule? rules = null)
    {
        var model = new LiteralModel(weights) { Rule = rules ?? GradientRule.Derivative };
        var spans = new LiteralSpans(model, graph, LiteralAblation.Of(ablation, model, Prompts(examples)));
        var scores = Scorer(weights, examples, method, metric, ablation, null, rules);
        return Mean([.. examples.Select(example => spans.Scores(example, scores, method, Points(method, rule, steps)))]);
    }

    /// <summary>Node scores by span [F·S], the mean over the examples, which have the span of every position.</summary>
    public static double[] SpanNodeScores(
        ModelWeights weights, SpanGraph graph, IReadOnlyList<Example> examples, OracleMethod method, int steps = 5, OracleRule? rule = null,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching, GradientRule? rules = null)
    {
        var model = new LiteralModel(weights) { Rule = rules ?? GradientRule.Derivative };
        var spans = new LiteralSpans(model, graph, LiteralAblation.Of(ablation, model, Prompts(examples)));
        var scores = Scorer(weights, examples, method, metric, ablation, null, rules);
        return Mean([.. examples.Select(example => spans.Nodes(example, scores, method, Points(method, rule, steps)))]);
    }

    /// <summary>The metric of every example with a circuit over spans.</summary>
    public static double[] SpanCircuit(
        ModelWeights weights, IReadOnlyList<Example> examples, SpanCircuit circuit,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching)
    {
        var model = new LiteralModel(weights);
        var spans = new LiteralSpans(model, circuit.Graph, LiteralAblation.Of(ablation, model, Prompts(examples)));
        return [.. examples.Select(example => LiteralMetric.Evaluate(metric, spans.LastLogits(example, edge => circuit.Contains(edge)), example, model.Run(example.Clean).LastLogits))];
    }

    /// <summary>The metric of every example: with the circuit, on the clean prompt and on the corrupted prompt.</summary>
    public static (double[] Circuit, double[] Clean, double[] Corrupted) Circuit(
        ModelWeights weights, IReadOnlyList<Example> examples, Circuit circuit,
        OracleMetric metric = OracleMetric.LogitDiff, OracleAblation ablation = OracleAblation.Patching,
        IReadOnlyList<Example>? ablationExamples = null)
    {
        var model = new LiteralModel(weights);
        var ablated = LiteralAblation.Of(ablation, model, Prompts(ablationExamples ?? examples));
        var results = examples.Select(example =>
        {
            var clean = model.Run(example.Clean).LastLogits;
            var corrupted = model.Run(example.Corrupted).LastLogits;
            var current = LiteralCircuit.Run(model, example, LiteralCircuit.Kept(model, circuit, ablation == OracleAblation.Patching), ablated(example), circuit.Neurons is { } neurons ? (u, c) => neurons.Contains(new(u), c) : null).LastLogits;
            return new[] { current, clean, corrupted }.Select(logits => LiteralMetric.Evaluate(metric, logits, example, clean)).ToArray();
        }).ToArray();
        return (results.Select(r => r[0]).ToArray(), results.Select(r => r[1]).ToArray(), results.Select(r => r[2]).ToArray());
    }

    /// <summary>The logits [T][vocabulary] of a prompt.</summary>
    public static double[][] Logits(ModelWeights weights, int[] tokens)
    {
        var logits = new LiteralModel(weights).Run(tokens).Logits;
        return Enumerable.Range(0, tokens.Length).Select(logits.Row).ToArray();
    }

    private static LiteralScores Scorer(
        ModelWeights weights, IReadOnlyList<Example> examples, OracleMethod method,
        OracleMetric metric, OracleAblation ablation, IReadOnlyList<Example>? ablationExamples, GradientRule? rules)
    {
        var model = new LiteralModel(weights) { Rule = rules ?? GradientRule.Derivative };
        return new LiteralScores(model, metric, LiteralAblation.Of(ablation, model, Prompts(ablationExamples ?? examples)));
    }

    private static IEnumerable<int[]> Prompts(IReadOnlyList<Example> examples) => examples.Select(example => example.Clean);

    private static PathPoint[] Points(OracleMethod method, OracleRule? rule, int steps) =>
        LiteralRule.Points(rule ?? (method == OracleMethod.EapIgActivations ? OracleRule.Right : OracleRule.Left), steps);

    private static double[] Mean(double[][] perExample) =>
        Enumerable.Range(0, perExample[0].Length).Select(i => perExample.Average(scores => scores[i])).ToArray();
}
