using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class MetricCases
{
    // Three examples: a pair, none, and one with a token twice.
    static readonly int[] Offsets = [0, 2, 2, 5];

    public static IEnumerable<OpCase> All() =>
    [
        .. new[] { 1, 8, 33, 64, 257 }.Select(d => new OpCase("SparseLogits", $"width {d}", t => Sparse(t, d))),
        .. new[] { WeightPrecision.BFloat16, WeightPrecision.Float16 }.SelectMany(precision => new[] { 0f, 30f }.Select(cap =>
            new OpCase("SparseLogits", $"{precision}{(cap == 0 ? "" : $", cap {cap}")}", t => Sparse(t, 70, cap: cap, precision: precision)))),
        .. new[] { 1, 33, 257 }.SelectMany(d => new[] { (true, 0f), (false, 0.7f), (true, 30f) }.Select(head =>
            new OpCase("SparseLogits", $"width {d}{(head.Item1 ? ", bias" : "")}{(head.Item2 == 0 ? "" : $", cap {head.Item2}")}", t => Sparse(t, d, head.Item1, head.Item2)))),
        .. OpCases.RowWise("SoftCap", 3, (t, rows, n) => Capped(t, rows, n, 5)),
        new("SoftCap", "around the bend and far out", t => Capped(t, 3, 300, 0.02f)),
        .. OpCases.RowWise("SoftCapBackward", 3, CappedBackward),
        .. new[] { 1, 2, 5, 16, 17, 97, 1023, 1025, 5000 }.Select(v => new OpCase("SoftmaxMetric", $"{v} tokens", t => Softmax(t, v, 0))),
        new("SoftmaxMetric", "logits around 1000", t => Softmax(t, 97, 1000)),
        .. new[] { 40, 3000 }.Select(v => new OpCase("SoftmaxMetric", $"{v} tokens, one nearly certain", t => Certain(t, v))),
        .. new[] { false, true }.SelectMany(js => new[] { 1, 2, 5, 16, 17, 97, 1023, 1025, 5000 }.Select(v =>
            new OpCase("DivergenceMetric", $"{(js ? "js" : "kl")}, {v} tokens", t => Divergence(t, v, js, 4), 3))),
        .. new[] { false, true }.Select(js => new OpCase("DivergenceMetric", $"{(js ? "js" : "kl")}, logits 300 apart", t => Divergence(t, 33, js, 150), 3)),
        .. new[] { 0.5, 1e-1, 1e-2, 1e-3 }.SelectMany(apart => new[] { 0.0, 3.7 }.Select(shift =>
            new OpCase("DivergenceMetric", $"js, logits {apart} apart and {shift} higher", t => Close(t, apart, shift), 3))),
        .. new[] { false, true }.Select(js => new OpCase("DivergenceMetric", $"{(js ? "js" : "kl")}, one token nearly certain", t => NearlyCertain(t, js), 3)),
        .. new[] { false, true }.Select(js => new OpCase("DivergenceMetric", $"{(js ? "js" : "kl")}, tokens ruled out", t => RuledOut(t, js), 3)),
    ];

    static (Indices Offsets, Indices Tokens, Tensor Weights, int[] TokenList) Answers(CaseContext t, int vocabulary)
    {
        int[] tokens = [0, vocabulary - 1, vocabulary / 2, vocabulary / 3, vocabulary / 2];
        return (t.Integers(Offsets), t.Integers(tokens), t.Matrix(1, 5), tokens);
    }

    static void Sparse(CaseContext t, int d, bool hasBias = false, float cap = 0, WeightPrecision precision = WeightPrecision.Float32)
    {
        const int Vocabulary = 11;
        using var unembedding = t.Table(Vocabulary, d, precision, out var table);
        Tensor y = t.Matrix(3, d), value = t.Matrix(3, 1), dy = t.Matrix(3, d);
        var (offsets, tokens, weights, list) = Answers(t, Vocabulary);
        var head = new LogitHead(unembedding, hasBias ? t.Matrix(1, Vocabulary) : default, cap);
        t.Device.SparseLogits(y, head, offsets, tokens, weights, value, dy);
        IEnumerable<int> Entries(int i) => Enumerable.Range(Offsets[i], Offsets[i + 1] - Offsets[i]);
        double Raw(int i, int j) => Enumerable.Range(0, d).Sum(c => (double)At(y, i, c) * table[list[j] * d + c]) + (hasBias ? At(head.Bias, 0, list[j]) : 0);
        double Logit(int i, int j) => cap == 0 ? Raw(i, j) : cap * Math.Tanh(Raw(i, j) / cap);
        double Slope(int i, int j) => cap == 0 ? 1 : 1 - Math.Pow(Math.Tanh(Raw(i, j) / cap), 2);
        t.Check(value, (i, _) => Entries(i).Sum(j => At(weights, 0, j) * Logit(i, j)), 3e-6, "value");
        t.Check(dy, (i, c) => -Entries(i).Sum(j => At(weights, 0, j) * Slope(i, j) * table[list[j] * d + c]), 2e-6, "dy");
        t.Device.SparseLogits(y, head, offsets, tokens, weights, value, default);
    }

    static void Capped(CaseContext t, int rows, int n, float cap)
    {
        Tensor x = t.Batch(rows, n, -4, 4), y = t.Batch(rows, n, gap: 1);
        t.Device.SoftCap(x, cap, y);
        t.Check(y, (r, c) => cap * Math.Tanh(At(x, r, c) / (double)cap), 1e-6, "y");
        var before = Values(x);
        t.Device.SoftCap(x, cap, x);
        t.Check(x, (r, c) => cap * Math.Tanh(before[r, c] / cap), 1e-6, "in place");
        // Relative to each: small scores keep their digits.
        foreach (var r in Enumerable.Range(0, y.Rows))
            Assert.All(Enumerable.Range(0, n), c => Assert.Equal(1, At(y, r, c) / (cap * Math.Tanh(before[r, c] / cap)), 1e-6));
    }

    static void CappedBackward(CaseContext t, int rows, int n)
    {
        const float Cap = 5;
        Tensor y = t.Batch(rows, n, -4.9, 4.9), dy = t.Batch(rows, n), dx = t.Batch(rows, n, gap: 1);
        t.Device.SoftCapBackward(y, Cap, dy, dx);
        var before = Values(dy);
        double Expected(int r, int c) => before[r, c] * (1 - Math.Pow(At(y, r, c) / (double)Cap, 2));
        t.Check(dx, Expected, 1e-6, "dx");
        t.Device.SoftCapBackward(y, Cap, dy, dy);
        t.Check(dy, Expected, 1e-6, "in place");
    }

    static double[] LogSoftmax(Tensor x, int row)
    {
        var values = Enumerable.Range(0, x.Columns).Select(c => (double)At(x, row, c)).ToArray();
        var largest = values.Max();
        var sum = Math.Log(values.Sum(v => Math.Exp(v - largest)));
        return [.. values.Select(v => v - largest - sum)];
    }

    static void Softmax(CaseContext t, int vocabulary, double centre) => Softmax(t, t.Matrix(3, vocabulary, centre - 5, centre + 5));

    // p·(value − w) of the certain answer is made of what the others are given: it shall have its digits all the same.
    static void Certain(CaseContext t, int vocabulary)
    {
        var logits = t.Matrix(3, vocabulary);
        At(logits, 0, 0) = At(logits, 2, vocabulary / 2) = 16;
        t.Written(logits);
        Softmax(t, logits, relative: 1e-5);
    }

    static void Softmax(CaseContext t, Tensor logits, double? relative = null)
    {
        var vocabulary = logits.Columns;
        Tensor value = t.Matrix(3, 1), d = t.Matrix(3, vocabulary);
        var (offsets, tokens, weights, list) = Answers(t, vocabulary);
        t.Device.SoftmaxMetric(logits, offsets, tokens, weights, value, d);
        var p = Enumerable.Range(0, 3).Select(i => LogSoftmax(logits, i).Select(Math.Exp).ToArray()).ToArray();
        double Weight(int i, int token) => Enumerable.Range(Offsets[i], Offsets[i + 1] - Offsets[i]).Where(j => list[j] == token).Sum(j => (double)At(weights, 0, j));
        double Metric(int i) => list.Distinct().Sum(token => Weight(i, token) * p[i][token]);
        t.Check(value, (i, _) => Metric(i), 1e-6, "value");
        double Gradient(int i, int token) => p[i][token] * (Metric(i) - Weight(i, token));
        foreach (var token in list)
            for (var i = 0; i < 3 && relative is { } r; i += 2) Assert.InRange(At(d, i, token) / Gradient(i, token), 1 - r, 1 + r);
        t.Check(d, Gradient, 1e-6, "dLogits");
        t.Device.SoftmaxMetric(logits, offsets, tokens, weights, value, default);
    }

    static void Divergence(CaseContext t, int vocabulary, bool js, double spread) =>
        Compare(t, t.Batch(3, vocabulary, -spread, spread), t.Batch(3, vocabulary, -spread, spread), js);

    // The value is of second order in the distance, and shall have its digits all the same.
    static void Close(CaseContext t, double apart, double shift)
    {
        const int Vocabulary = 500;
        Tensor logits = t.Batch(3, Vocabulary, -4, 4), reference = t.Batch(3, Vocabulary, -apart, apart);
        for (var r = 0; r < reference.Rows; r++)
            for (var c = 0; c < Vocabulary; c++) At(reference, r, c) += At(logits, r, c) + (float)shift;
        t.Written(reference);
        Compare(t, logits, reference, js: true, relative: shift == 0 ? 1e-5 : 1e-4);
    }

    // Both distributions give one token all but some thousandths.
    static void NearlyCertain(CaseContext t, bool js)
    {
        Tensor logits = t.Batch(3, 500), reference = t.Batch(3, 500);
        for (var r = 0; r < logits.Rows; r++) (At(logits, r, 7), At(reference, r, 7)) = (13, 12);
        t.Written(logits);
        t.Written(reference);
        Compare(t, logits, reference, js, relative: 1e-4);
    }

    // −∞ in one distribution, in the other and in both.
    static void RuledOut(CaseContext t, bool js)
    {
        Tensor logits = t.Batch(3, 40, -4, 4), reference = t.Batch(3, 40, -4, 4);
        for (var r = 0; r < logits.Rows; r++)
        {
            At(reference, r, 0) = At(reference, r, 20) = At(reference, r, 39) = float.NegativeInfinity;
            At(logits, r, 20) = At(logits, r, 38) = js ? float.NegativeInfinity : -1000;
        }
        t.Written(logits);
        t.Written(reference);
        Compare(t, logits, reference, js);
    }

    static void Compare(CaseContext t, Tensor logits, Tensor reference, bool js, double? relative = null)
    {
        var vocabulary = logits.Columns;
        Tensor value = t.Batch(3, 1), d = t.Batch(3, vocabulary);
        t.Device.DivergenceMetric(logits, reference, js, value, d);
        var logP = Enumerable.Range(0, logits.Rows).Select(i => LogSoftmax(logits, i)).ToArray();
        var logR = Enumerable.Range(0, logits.Rows).Select(i => LogSoftmax(reference, i)).ToArray();
        double Term(double log, int i, int c) => double.IsInfinity(log) ? 0 : Math.Exp(log) * (log - LogMean(i, c));
        double LogMean(int i, int c) => Math.Max(logP[i][c], logR[i][c]) + Math.Log((1 + Math.Exp(-Math.Abs(logP[i][c] - logR[i][c]))) / 2);
        double Kl(int i) => Enumerable.Range(0, vocabulary).Average(c => double.IsInfinity(logR[i][c]) ? 0 : Math.Exp(logR[i][c]) * (logR[i][c] - logP[i][c]));
        double Inner(int i) => Enumerable.Range(0, vocabulary).Sum(c => Term(logP[i][c], i, c));
        double Js(int i) => 0.5 * (Inner(i) / vocabulary + Enumerable.Range(0, vocabulary).Average(c => Term(logR[i][c], i, c)));
        for (var i = 0; i < value.Rows && relative is { } r; i++) Assert.InRange(At(value, i, 0) / (js ? Js(i) : Kl(i)), 1 - r, 1 + r);
        t.Check(value, (i, _) => js ? Js(i) : Kl(i), 1e-6, "value");
        var inner = Enumerable.Range(0, logits.Rows).Select(Inner).ToArray();
        t.Check(d, (i, c) => js
            ? 0.5 * (Term(logP[i][c], i, c) - Math.Exp(logP[i][c]) * inner[i]) / vocabulary
            : (Math.Exp(logP[i][c]) - Math.Exp(logR[i][c])) / vocabulary, 1e-6 / vocabulary, "dLogits");
        t.Device.DivergenceMetric(logits, reference, js, value, default);
    }
}
