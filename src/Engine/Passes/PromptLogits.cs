using Faith.Engine.Data;
using Faith.Kernels;

namespace Faith.Engine.Passes;

/// <summary>What a model says after prompts: the logits of every token at the last position.</summary>
public static class PromptLogits
{
    /// <summary>Runs prompts, and hands the logits [vocabulary] of each to <paramref name="done"/> with its number, in order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="prompts">Token ids.</param>
    /// <param name="done">Takes the logits, which are valid during the call.</param>
    /// <param name="memoryBytes">Most bytes of device memory for micro-batches, or null.</param>
    /// <param name="called">What messages call a prompt, by its number; "example 3" and so on unless given.</param>
    /// <param name="progress">Told after every micro-batch.</param>
    /// <param name="cancellation">Stops between micro-batches.</param>
    /// <exception cref="InputException">The model cannot run a prompt, or its logits are not finite.</exception>
    public static void Run(Transformer model, IReadOnlyList<int[]> prompts, Action<int, float[]> done, long? memoryBytes = null, Func<int, string>? called = null,
        IProgress<RunProgress>? progress = null, CancellationToken cancellation = default)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentNullException.ThrowIfNull(prompts);
        ArgumentNullException.ThrowIfNull(done);
        Example[] examples = [.. prompts.Select(prompt => new Example(prompt, prompt, [], []))];
        var values = new float[model.Config.Vocabulary];
        MicroBatches.Run(model, examples, MicroBatches.Budget(model, memoryBytes), sharePrefixes: false, batch =>
        {
            var measured = Arena.Measuring();
            _ = Layout(measured, measuring: true, batch);
            return measured.Peak;
        }, part =>
        {
            cancellation.ThrowIfCancellationRequested();
            var (run, logits) = Layout(part.Arena, measuring: false, part.Batch);
            run.Execute();
            AllLogits.Form(model, run.Activations.Final, logits);
            part.Record();
            for (var i = 0; i < part.Count; i++)
            {
                model.Device.Download(logits.RowRange(i, 1), values);
                var number = part.First + i;
                if (!Array.TrueForAll(values, float.IsFinite)) throw new InputException($"{called?.Invoke(number) ?? $"example {number + 1}"}: the logits are not finite: {FiniteMetric.Overflow}");
                done(number, values);
            }
            progress?.Report(new RunProgress(part.First + part.Count, prompts.Count, "prompts"));
        });

        (WholePromptRun Run, Tensor Logits) Layout(Arena arena, bool measuring, Batch batch) =>
            (new WholePromptRun(model, arena, measuring, batch, batch.CleanTokens, everyRow: false), arena.Matrix(batch.Sequences, model.Config.Vocabulary));
    }
}
