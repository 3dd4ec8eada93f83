using Faith.Engine.Data;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Metrics;

/// <summary>
/// The metric "logprob", the mean of log p over an example's answers, as a divergence: with r the distribution that an answer drawn at random has, and
/// KL the mean over V tokens that the device computes, Σ r·log p = −V·KL(r ‖ p) + Σ r·log r.
/// </summary>
internal sealed class AnswerDistributions
{
    private readonly Device device;
    private readonly Tensor logits, constants, divergence, small;
    private readonly int vocabulary;

    /// <summary>Lays out the distributions of <paramref name="examples"/> for passes of at most <paramref name="rows"/> rows.</summary>
    public AnswerDistributions(Transformer model, Arena arena, bool measuring, IReadOnlyList<Example> examples, int rows, bool gradient)
    {
        (device, vocabulary) = (model.Device, model.Config.Vocabulary);
        logits = arena.Matrix(examples.Count, vocabulary);
        constants = arena.Matrix(examples.Count, 1);
        divergence = arena.Matrix(examples.Count, 1);
        if (gradient) small = arena.Matrix(rows, model.Config.Width);
        if (measuring) return;
        var row = new float[vocabulary];
        for (var e = 0; e < examples.Count; e++)
        {
            var answers = examples[e].Answers;
            Array.Fill(row, float.NegativeInfinity);
            var entropy = 0.0;
            foreach (var (token, count) in answers.CountBy(token => token))
            {
                row[token] = MathF.Log(count);
                entropy -= (double)count / answers.Length * Math.Log((double)count / answers.Length);
            }
            device.Upload(row, logits.RowRange(e, 1));
            device.Upload([(float)-entropy], constants.RowRange(e, 1));
        }
    }

    /// <summary>value [examples × 1] = the metric of logits x [examples × V]; gradient = 1/V times that of its loss (=; may be none).</summary>
    public void Run(Tensor x, Tensor value, Tensor gradient)
    {
        device.DivergenceMetric(x, logits, jensenShannon: false, divergence, gradient);
        device.Copy(constants, value);
        device.AddScaled(divergence, -vocabulary, value);
    }

    /// <summary>gradient [rows × d] = ∂loss/∂y, of 1/V times the loss's gradient at <paramref name="x"/>, the logits.</summary>
    public void GradientAtStream(Transformer model, Tensor x, Tensor atLogits, Tensor gradient)
    {
        var scaled = small.RowRange(0, gradient.Rows);
        AllLogits.Backward(model, x, atLogits, scaled);
        device.Fill(gradient, 0);
        device.AddScaled(scaled, vocabulary, gradient);
    }
}
