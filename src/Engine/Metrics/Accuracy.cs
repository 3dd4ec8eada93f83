using Faith.Engine.Data;
using Faith.Engine.Passes;

namespace Faith.Engine.Metrics;

/// <summary>
/// Whether a model does a task at all, judged among the answers and distractors of every example: a circuit explains nothing
/// where the model has no behaviour to explain.
/// </summary>
/// <param name="Clean">After the clean prompt, by example.</param>
/// <param name="Corrupted">After the corrupted prompt, by example.</param>
public sealed record Accuracy(IReadOnlyList<Preference> Clean, IReadOnlyList<Preference> Corrupted)
{
    /// <summary>Share of the examples whose clean prompt is answered rightly: the most likely of answers and distractors is an answer.</summary>
    public double CleanRight => Clean.Average(p => p.IsRight ? 1.0 : 0.0);

    /// <summary>Share of the examples whose answers are together more likely than their distractors after the clean prompt.</summary>
    public double CleanLikelier => Clean.Average(p => p.AnswerShare > 0.5 ? 1.0 : 0.0);

    /// <summary>Share of the examples whose corrupted prompt no longer prefers an answer.</summary>
    public double CorruptedChanged => Corrupted.Average(p => p.IsRight ? 0.0 : 1.0);

    /// <summary>Runs every clean and every corrupted prompt once.</summary>
    /// <param name="model">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="memoryBytes">Most bytes of device memory for micro-batches; null: on a CPU a quarter of what is free and at most 1.5 GB, on a GPU half and at most 16 GiB.</param>
    /// <param name="cancellation">Stops between micro-batches.</param>
    /// <exception cref="InputException">There is no example, or one does not fit in memory or has logits that are not finite.</exception>
    public static Accuracy Measure(Transformer model, IReadOnlyList<Example> data, long? memoryBytes = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(data);
        if (data.Count == 0) throw new InputException("the data set is empty");
        var (clean, corrupted) = (new Preference[data.Count], new Preference[data.Count]);
        MicroBatches.Run(model, data, MicroBatches.Budget(model, memoryBytes), sharePrefixes: false, batch =>
        {
            var measured = Arena.Measuring();
            Run(model, measured, measuring: true, batch, batch.CleanTokens, []);
            return measured.Peak;
        }, part =>
        {
            cancellation.ThrowIfCancellationRequested();
            var start = part.Arena.Mark();
            Run(model, part.Arena, measuring: false, part.Batch, part.Batch.CleanTokens, part.Of(clean));
            part.Arena.Release(start);
            Run(model, part.Arena, measuring: false, part.Batch, part.Batch.CorruptedTokens, part.Of(corrupted));
        });
        foreach (var preferences in (Preference[][])[clean, corrupted]) FiniteMetric.Check(data, 0, [.. preferences.Select(p => p.AnswerShare)]);
        return new(clean, corrupted);
    }

    private static void Run(Transformer model, Arena arena, bool measuring, Batch batch, int[] tokens, Span<Preference> results)
    {
        var (device, c) = (model.Device, model.Config);
        var run = new WholePromptRun(model, arena, measuring, batch, tokens, everyRow: false);
        // One row for every token whose logit is wanted.
        var wanted = batch.Examples.SelectMany((e, i) => e.Answers.Concat(e.Distractors).Select(token => (Example: i, Token: token))).ToArray();
        var (owners, candidates, offsets) = (arena.Integers(wanted.Length), arena.Integers(wanted.Length), arena.Integers(wanted.Length + 1));
        var (rows, ones, logits) = (arena.Matrix(wanted.Length, c.Width), arena.Matrix(1, wanted.Length), arena.Matrix(wanted.Length, 1));
        if (measuring) return;
        run.Execute();
        device.GatherRows(run.Activations.Final, device.Upload([.. wanted.Select(w => w.Example)], owners), 1, rows);
        device.Fill(ones, 1);
        device.SparseLogits(rows, model.Head, device.Upload([.. Enumerable.Range(0, wanted.Length + 1)], offsets),
            device.Upload([.. wanted.Select(w => w.Token)], candidates), ones, logits, default);
        var values = new float[wanted.Length];
        device.Download(logits, values);
        var next = 0;
        for (var e = 0; e < batch.Sequences; e++)
        {
            var example = batch.Examples[e];
            var count = example.Answers.Length + example.Distractors.Length;
            results[e] = Preference.Of(values.AsSpan(next, count), example.Answers.Length);
            next += count;
        }
    }
}
