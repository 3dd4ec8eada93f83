using System.Runtime.InteropServices;
using Faith.Engine.Data;
using Faith.Engine.Passes;
using Faith.Kernels;

namespace Faith.Engine.Metrics;

/// <summary>
/// The metric at the last position of every sequence of a pass, and its gradient (method.md §5): answers and distractors are
/// one sparse weight vector per example; logits are formed only for its tokens, or all of them where a softmax needs them.
/// </summary>
internal sealed class MetricHead
{
    private readonly Transformer model;
    private readonly MetricKind kind;
    private readonly int sequences;
    private readonly Indices offsets;
    private readonly Indices tokens;
    private readonly Tensor weights;
    private readonly Tensor logits;
    private readonly Tensor logitsGradient;
    private readonly Tensor reference;
    private readonly AnswerDistributions? answers;

    /// <summary>Prepares the metric of <paramref name="examples"/> for passes of at most <paramref name="points"/> points.</summary>
    public MetricHead(Transformer model, Arena arena, bool measuring, IReadOnlyList<Example> examples, MetricKind kind, int points, bool gradient)
    {
        this.model = model;
        this.kind = kind;
        sequences = examples.Count;
        var (entryOffsets, entryTokens, entryWeights) = (new List<int> { 0 }, new List<int>(), new List<float>());
        for (var p = 0; p < points; p++)
        {
            foreach (var example in kind.IsDifference() ? examples : [])
            {
                AddEntries(example.Answers, kind == MetricKind.LogitDifference ? 1f / example.Answers.Length : 1f);
                AddEntries(example.Distractors, kind == MetricKind.LogitDifference ? -1f / example.Distractors.Length : -1f);
                entryOffsets.Add(entryTokens.Count);
            }
        }
        var (offsetMemory, tokenMemory) = (arena.Integers(entryOffsets.Count), arena.Integers(Math.Max(1, entryTokens.Count)));
        weights = arena.Matrix(1, Math.Max(1, entryWeights.Count));
        if (kind != MetricKind.LogitDifference)
        {
            logits = arena.Matrix(sequences * points, model.Config.Vocabulary);
            if (gradient) logitsGradient = arena.Matrix(sequences * points, model.Config.Vocabulary);
            if (kind == MetricKind.LogProbability) answers = new AnswerDistributions(model, arena, measuring, examples, sequences * points, gradient);
            if (kind.IsDivergence()) reference = arena.Matrix(sequences, model.Config.Vocabulary);
        }
        if (measuring) return;
        offsets = model.Device.Upload(CollectionsMarshal.AsSpan(entryOffsets), offsetMemory);
        tokens = model.Device.Upload(CollectionsMarshal.AsSpan(entryTokens), tokenMemory);
        model.Device.Upload(CollectionsMarshal.AsSpan(entryWeights), weights);

        void AddEntries(int[] ids, float weight)
        {
            entryTokens.AddRange(ids);
            entryWeights.AddRange(Enumerable.Repeat(weight, ids.Length));
        }
    }

    /// <summary>Takes the clean run's distribution, which the divergences compare with. y: [sequences × d], after the final norm.</summary>
    public void SetReference(Tensor y)
    {
        if (kind.IsDivergence()) AllLogits.Form(model, y, reference);
    }

    /// <summary>value [rows of y × 1] = the metric; gradient (= ∂loss/∂y, or none). y: [points·sequences × d], after the final norm.</summary>
    public void Run(Tensor y, Tensor value, Tensor gradient)
    {
        var device = model.Device;
        var (rowOffsets, wanted) = (offsets with { Count = y.Rows + 1 }, !gradient.IsNone);
        if (kind == MetricKind.LogitDifference)
        {
            device.SparseLogits(y, model.Head, rowOffsets, tokens, weights, value, gradient);
            return;
        }
        var rows = logits.RowRange(0, y.Rows);
        var gradientRows = wanted ? logitsGradient.RowRange(0, y.Rows) : default;
        AllLogits.Form(model, y, rows);
        if (kind == MetricKind.ProbabilityDifference)
        {
            device.SoftmaxMetric(rows, rowOffsets, tokens, weights, value, gradientRows);
        }
        else
        {
            for (var start = 0; start < y.Rows; start += sequences)
            {
                var (at, values, gradients) = (rows.RowRange(start, sequences), value.RowRange(start, sequences), wanted ? gradientRows.RowRange(start, sequences) : default);
                if (answers is not null) answers.Run(at, values, gradients);
                else device.DivergenceMetric(at, reference, kind == MetricKind.JensenShannon, values, gradients);
            }
        }
        if (!wanted) return;
        if (answers is not null) answers.GradientAtStream(model, rows, gradientRows, gradient);
        else AllLogits.Backward(model, rows, gradientRows, gradient);
    }
}
