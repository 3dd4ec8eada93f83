using Faith.Engine.Data;

namespace Faith.Engine.Tests.Oracle;

/// <summary>The metrics of contract.md and their losses, each written as its formula.</summary>
public static class LiteralMetric
{
    /// <summary>The metric of one run as a number.</summary>
    public static double Evaluate(OracleMetric metric, double[] lastLogits, Example example, double[] cleanLogits) =>
        Metric(metric, new Tape(), Tape.Leaf(1, lastLogits.Length, lastLogits), example, cleanLogits)[0, 0];

    /// <summary>What the scores differentiate, as a number.</summary>
    public static double Loss(OracleMetric metric, double[] lastLogits, Example example, double[] cleanLogits) =>
        Sign(metric) * Evaluate(metric, lastLogits, example, cleanLogits);

    /// <summary>What the scores differentiate, on the tape of the run: minus a difference, plus a divergence.</summary>
    public static Value Loss(OracleMetric metric, LiteralRun run, Example example, double[] cleanLogits) =>
        run.Tape.Scale(Metric(metric, run.Tape, run.Tape.LastRow(run.Logits), example, cleanLogits), Sign(metric));

    private static double Sign(OracleMetric metric) => metric is OracleMetric.Kl or OracleMetric.Js ? 1 : -1;

    private static Value Metric(OracleMetric metric, Tape tape, Value logits, Example example, double[] cleanLogits) => metric switch
    {
        OracleMetric.LogitDiff => tape.WeightedSum(logits, Difference(example, logits.Columns, mean: true)),
        OracleMetric.ProbDiff => tape.WeightedSum(Exp(tape, tape.LogSoftmax(logits)), Difference(example, logits.Columns, mean: false)),
        OracleMetric.LogProb => tape.WeightedSum(tape.LogSoftmax(logits), Difference(example with { Distractors = [] }, logits.Columns, mean: true)),
        OracleMetric.Kl => Kl(tape, LogSoftmax(cleanLogits), tape.LogSoftmax(logits)),
        OracleMetric.Js => Js(tape, LogSoftmax(cleanLogits), tape.LogSoftmax(logits)),
        _ => throw new ArgumentOutOfRangeException(nameof(metric)),
    };

    /// <summary>+ on answers and − on distractors; for a difference of means, divided by how many there are.</summary>
    private static double[] Difference(Example example, int vocabulary, bool mean)
    {
        var weights = new double[vocabulary];
        foreach (var token in example.Answers) weights[token] += mean ? 1.0 / example.Answers.Length : 1;
        foreach (var token in example.Distractors) weights[token] -= mean ? 1.0 / example.Distractors.Length : 1;
        return weights;
    }

    // mean over the vocabulary of p·(log p − log q), p the clean run, q this one.
    private static Value Kl(Tape tape, double[] logP, Value logQ) =>
        tape.WeightedSum(Difference(tape, Constant(logP), logQ), Array.ConvertAll(logP, x => Math.Exp(x) / logP.Length));

    // mean over the vocabulary of ½·p·(log p − log m) + ½·q·(log q − log m) with m = (p + q)/2.
    private static Value Js(Tape tape, double[] logP, Value logQ)
    {
        var p = Constant(Array.ConvertAll(logP, Math.Exp));
        var q = Exp(tape, logQ);
        var logM = tape.Map(tape.Scale(tape.Add(p, q), 0.5), Math.Log, x => 1 / x);
        var sum = tape.Add(
            tape.Multiply(p, Difference(tape, Constant(logP), logM)),
            tape.Multiply(q, Difference(tape, logQ, logM)));
        return tape.WeightedSum(sum, Array.ConvertAll(logP, _ => 0.5 / logP.Length));
    }

    private static Value Constant(double[] row) => Tape.Leaf(1, row.Length, row);
    private static Value Exp(Tape tape, Value x) => tape.Map(x, Math.Exp, Math.Exp);
    private static Value Difference(Tape tape, Value a, Value b) => tape.Add(a, tape.Scale(b, -1));
    private static double[] LogSoftmax(double[] logits) => new Tape().LogSoftmax(Constant(logits)).Data;
}
