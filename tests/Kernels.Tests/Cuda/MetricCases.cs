namespace Faith.Kernels.Tests.Cuda;

internal static class MetricCases
{
    public static IEnumerable<OpCase> All =>
    [
        .. from width in (int[])[3, 70, 300] select new OpCase("SparseLogits", $"width {width}", c => Sparse(c, width)),
        .. from vocabulary in (int[])[5, 100, 3000] select new OpCase("SoftmaxMetric", $"vocabulary {vocabulary}",
            c => Softmax(c, vocabulary)),
        .. from vocabulary in (int[])[5, 100, 3000] from distance in (float[])[1e-3f, 1, 15] from js in (bool[])[false, true]
           select new OpCase("DivergenceMetric", $"{(js ? "js" : "kl")}, vocabulary {vocabulary}, distance {distance}",
               c => Divergence(c, vocabulary, distance, js)),
    ];

    private static Outcome[] Sparse(OpContext c, int width)
    {
        var (y, dy) = c.Random(3, width, width + 1);
        var (u, du) = c.Random(11, width);
        // The second example has no entry, the third names a token twice.
        int[] offsets = [0, 2, 2, 6], tokens = [3, 10, 0, 7, 7, 1];
        var (w, dw) = c.Random(1, tokens.Length);
        var (value, gradient, alone) = (c.Arena.New(3, 1), c.Arena.New(3, width), c.Arena.New(3, 1));
        c.Device.SparseLogits(dy, du, c.Arena.Put(offsets), c.Arena.Put(tokens), dw, value, gradient);
        c.Device.SparseLogits(dy, du, c.Arena.Put(offsets), c.Arena.Put(tokens), dw, alone, default);
        var (expected, expectedGradient) = (new double[3], new double[3 * width]);
        for (var i = 0; i < 3; i++)
            for (var j = offsets[i]; j < offsets[i + 1]; j++)
                for (var n = 0; n < width; n++)
                {
                    expected[i] += w[j] * (double)y[i * width + n] * u[tokens[j] * width + n];
                    expectedGradient[i * width + n] -= w[j] * (double)u[tokens[j] * width + n];
                }
        return [Outcome.Sum("value", c.Arena.Get(value), expected), Outcome.Sum("dy", c.Arena.Get(gradient), expectedGradient),
            Outcome.Sum("value alone", c.Arena.Get(alone), expected)];
    }

    private static Outcome[] Softmax(OpContext c, int vocabulary)
    {
        var (x, dx) = c.Random(3, vocabulary, vocabulary + 1, 10);
        int[] offsets = [0, 2, 2, 6], tokens = [3, 1, 0, 4, 4, 2];
        var (w, dw) = c.Random(1, tokens.Length);
        var (value, gradient, alone) = (c.Arena.New(3, 1), c.Arena.New(3, vocabulary), c.Arena.New(3, 1));
        c.Device.SoftmaxMetric(dx, c.Arena.Put(offsets), c.Arena.Put(tokens), dw, value, gradient);
        c.Device.SoftmaxMetric(dx, c.Arena.Put(offsets), c.Arena.Put(tokens), dw, alone, default);
        var (expected, expectedGradient) = (new double[3], new double[3 * vocabulary]);
        for (var i = 0; i < 3; i++)
        {
            var p = Reference.Softmax(Reference.Row(x, i, vocabulary));
            for (var j = offsets[i]; j < offsets[i + 1]; j++)
                expected[i] += w[j] * p[tokens[j]];
            for (var n = 0; n < vocabulary; n++)
                expectedGradient[i * vocabulary + n] = p[n] * (expected[i] - Enumerable.Range(offsets[i],
                    offsets[i + 1] - offsets[i]).Where(j => tokens[j] == n).Sum(j => (double)w[j]));
        }
        return [Outcome.Sum("value", c.Arena.Get(value), expected, 3e-6),
            Outcome.Sum("dLogits", c.Arena.Get(gradient), expectedGradient, 3e-6),
            Outcome.Sum("value alone", c.Arena.Get(alone), expected, 3e-6)];
    }

    private static Outcome[] Divergence(OpContext c, int vocabulary, float distance, bool js)
    {
        // Near (where nearly everything cancels), apart, and far apart.
        var (reference, dReference) = c.Random(2, vocabulary, 0, 4);
        var noise = c.Values(2 * vocabulary, distance);
        var x = reference.Select((v, i) => v + noise[i]).ToArray();
        var dx = c.Arena.Put(x, 2, vocabulary, vocabulary + 1);
        var (value, gradient, alone) = (c.Arena.New(2, 1), c.Arena.New(2, vocabulary), c.Arena.New(2, 1));
        c.Device.DivergenceMetric(dx, dReference, js, value, gradient);
        c.Device.DivergenceMetric(dx, dReference, js, alone, default);
        var (expected, expectedGradient) = (new double[2], new double[2 * vocabulary]);
        for (var i = 0; i < 2; i++)
        {
            var p = Reference.LogSoftmax(Reference.Row(x, i, vocabulary));
            var r = Reference.LogSoftmax(Reference.Row(reference, i, vocabulary));
            var toMean = p.Zip(r, (a, b) => a - Math.Log(0.5 * (Math.Exp(a) + Math.Exp(b)))).ToArray();
            for (var n = 0; n < vocabulary; n++)
            {
                double P = Math.Exp(p[n]), R = Math.Exp(r[n]);
                expected[i] += js ? 0.5 * (R * (r[n] - p[n] + toMean[n]) + P * toMean[n]) / vocabulary : R * (r[n] - p[n]) / vocabulary;
                expectedGradient[i * vocabulary + n] = js ? P * 0.5 * (toMean[n] - p.Zip(toMean,
                    (a, b) => Math.Exp(a) * b).Sum()) / vocabulary : (P - R) / vocabulary;
            }
        }
        // Close distributions differ by little more than the rounding of the logits themselves.
        var relative = distance < 0.1f ? 1e-3 : 1e-5;
        // The gradient of js is p times a difference of numbers up to ½ ln 2, which may be all but equal.
        var absolute = relative * expectedGradient.Max(Math.Abs) + (js ? 1e-7 * 0.35 / vocabulary : 0);
        return [Outcome.Sum("value", c.Arena.Get(value), expected, relative),
            new("dLogits", c.Arena.Get(gradient), expectedGradient, 0, absolute),
            Outcome.Sum("value alone", c.Arena.Get(alone), expected, relative)];
    }
}
