using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class NormCases
{
    const float Epsilon = 1e-5f;

    public static IEnumerable<OpCase> All() =>
    [
        .. Both("NormForward", Forward),
        .. Both("NormBackward", Backward),
        .. new[] { (2, 1, 8), (4, 2, 20), (3, 1, 129), (6, 3, 64), (1, 2, 5) }.SelectMany(shape => new[] { true, false }.Select(centred =>
            new OpCase("NormBackward", $"and forward, {shape.Item1} parts of {shape.Item3}, {shape.Item2} copies {(centred ? "LayerNorm" : "RMSNorm")}",
                t => Parts(t, shape.Item1, shape.Item2, shape.Item3, centred), 4))),
        .. Both("NormDifferential", (t, rows, n, centred) => Differential(t, rows, n, centred, copies: 1)),
        new OpCase("NormDifferential", "two changes of 3 × 33", t => Differential(t, 3, 33, centred: true, copies: 2)),
    ];

    /// <summary>Parts of a row are what rows of their own would be.</summary>
    static void Parts(CaseContext t, int parts, int copies, int d, bool centred)
    {
        const int Rows = 4;
        Tensor x = t.Batch(Rows, parts * d, -2, 2), scale = t.Matrix(1, d), shift = centred ? t.Matrix(1, d) : default;
        Tensor y = t.Batch(Rows, parts * d), xhat = t.Batch(Rows, parts * d), inverse = t.Batch(Rows, parts);
        t.Device.NormForward(x, scale, shift, Epsilon, centred, y, xhat, inverse);
        double Mean(int r, int c) => centred ? Enumerable.Range(c / d * d, d).Average(i => (double)At(x, r, i)) : 0;
        double Inverse(int r, int c) => 1 / Math.Sqrt(Enumerable.Range(c / d * d, d).Average(i => Math.Pow(At(x, r, i) - Mean(r, c), 2)) + Epsilon);
        double XHat(int r, int c) => (At(x, r, c) - Mean(r, c)) * Inverse(r, c);
        double Y(int r, int c) => XHat(r, c) * At(scale, 0, c % d) + (centred ? At(shift, 0, c % d) : 0);
        t.Check(inverse, (r, part) => Inverse(r, part * d), 5e-6, "inverseSigma");
        t.Check(xhat, XHat, 5e-6, "xhat");
        t.Check(y, Y, 5e-6, "y");

        Tensor dy = t.Batch(Rows, parts * copies * d), dx = t.Batch(Rows, parts * copies * d), constant = t.Batch(Rows, parts * copies * d);
        var before = Values(dy);
        double H(int r, int c) => (double)At(scale, 0, c % d) * before[r, c];
        double HMean(int r, int c) => centred ? Enumerable.Range(c / d * d, d).Average(i => H(r, i)) : 0;
        int Of(int c) => c / d / copies * d + c % d;
        double Slope(int r, int c) => Enumerable.Range(c / d * d, d).Average(i => H(r, i) * At(xhat, r, Of(i)));
        double Expected(int r, int c) => (H(r, c) - HMean(r, c) - At(xhat, r, Of(c)) * Slope(r, c)) * At(inverse, r, Of(c) / d);
        t.Device.NormBackward(dy, scale, xhat, inverse, centred, add: false, dx);
        t.Check(dx, Expected, 4e-6, "dx");
        t.Device.NormBackward(dy, scale, default, inverse, centred, add: false, constant);
        t.Check(constant, (r, c) => (H(r, c) - HMean(r, c)) * At(inverse, r, Of(c) / d), 4e-6, "dx with σ constant");
        t.Device.NormBackward(dy, scale, xhat, inverse, centred, add: false, dy);
        t.Check(dy, Expected, 4e-6, "dx in place of dy");
        t.Device.NormForward(x, scale, shift, Epsilon, centred, x, default, default);
        t.Check(x, (r, c) => At(y, r, c), 0, "y in place of x");
    }

    static IEnumerable<OpCase> Both(string op, Action<CaseContext, int, int, bool> run) =>
        new[] { true, false }.SelectMany(centred => OpCases.RowWise(op, 4, (t, rows, n) => run(t, rows, n, centred)).Select(c => c with { Shape = $"{c.Shape} {(centred ? "LayerNorm" : "RMSNorm")}" }));

    static void Forward(CaseContext t, int rows, int d, bool centred)
    {
        Tensor x = t.Batch(rows, d, 3, 7), scale = t.Matrix(1, d), shift = centred ? t.Matrix(1, d) : default;
        Tensor y = t.Batch(rows, d), xhat = t.Batch(rows, d), inverse = t.Batch(rows, 1);
        t.Device.NormForward(x, scale, shift, Epsilon, centred, y, xhat, inverse);
        double Mean(int r) => centred ? Enumerable.Range(0, d).Average(c => (double)At(x, r, c)) : 0;
        double Inverse(int r, double mean) => 1 / Math.Sqrt(Enumerable.Range(0, d).Average(c => Math.Pow(At(x, r, c) - mean, 2)) + Epsilon);
        var mean = Enumerable.Range(0, x.Rows).Select(Mean).ToArray();
        var factor = Enumerable.Range(0, x.Rows).Select(r => Inverse(r, mean[r])).ToArray();
        // With one column x − μ is rounding alone, which 1/√ε then enlarges.
        var tolerance = d == 1 && centred ? 1e-3 : 5e-6;
        t.Check(inverse, (r, _) => factor[r], tolerance, "inverseSigma");
        t.Check(xhat, (r, c) => (At(x, r, c) - mean[r]) * factor[r], tolerance, "xhat");
        t.Check(y, (r, c) => (At(x, r, c) - mean[r]) * factor[r] * At(scale, 0, c) + (centred ? At(shift, 0, c) : 0), tolerance, "y");
        t.Device.NormForward(x, scale, shift, Epsilon, centred, y, default, default);
        t.Check(y, (r, c) => (At(x, r, c) - mean[r]) * factor[r] * At(scale, 0, c) + (centred ? At(shift, 0, c) : 0), tolerance, "y without x̂");
    }

    static void Backward(CaseContext t, int rows, int d, bool centred)
    {
        Tensor dy = t.Batch(rows, d), scale = t.Matrix(1, d), xhat = t.Batch(rows, d, -2, 2), inverse = t.Batch(rows, 1, 0.5, 2);
        foreach (var add in new[] { false, true })
        {
            Tensor dx = t.Batch(rows, d), constant = t.Batch(rows, d);
            double[,] before = Values(dx), beforeConstant = Values(constant);
            t.Device.NormBackward(dy, scale, xhat, inverse, centred, add, dx);
            t.Device.NormBackward(dy, scale, default, inverse, centred, add, constant);
            double H(int r, int c) => (double)At(scale, 0, c) * At(dy, r, c);
            var mean = Enumerable.Range(0, dy.Rows).Select(r => centred ? Enumerable.Range(0, d).Average(c => H(r, c)) : 0).ToArray();
            var slope = Enumerable.Range(0, dy.Rows).Select(r => Enumerable.Range(0, d).Average(c => H(r, c) * At(xhat, r, c))).ToArray();
            t.Check(dx, (r, c) => (add ? before[r, c] : 0) + (H(r, c) - mean[r] - At(xhat, r, c) * slope[r]) * At(inverse, r, 0), 2e-6, "dx");
            t.Check(constant, (r, c) => (add ? beforeConstant[r, c] : 0) + (H(r, c) - mean[r]) * At(inverse, r, 0), 2e-6, "dx with σ constant");
        }
    }

    static void Differential(CaseContext t, int rows, int d, bool centred, int copies)
    {
        Tensor dx = t.Batch(copies * rows, d), scale = t.Matrix(1, d), xhat = t.Batch(rows, d, -2, 2), inverse = t.Batch(rows, 1, 0.5, 2);
        int changes = dx.Rows, known = inverse.Rows;
        Tensor y = t.Batch(copies * rows, d), constant = t.Batch(copies * rows, d);
        t.Device.NormDifferential(dx, scale, xhat, inverse, centred, y);
        t.Device.NormDifferential(dx, scale, default, inverse, centred, constant);
        var mean = Enumerable.Range(0, changes).Select(r => centred ? Enumerable.Range(0, d).Average(c => (double)At(dx, r, c)) : 0).ToArray();
        var slope = Enumerable.Range(0, changes).Select(r => Enumerable.Range(0, d).Average(c => (double)At(dx, r, c) * At(xhat, r % known, c))).ToArray();
        double Factor(int r, int c) => (double)At(scale, 0, c) * At(inverse, r % known, 0);
        t.Check(y, (r, c) => (At(dx, r, c) - mean[r] - At(xhat, r % known, c) * slope[r]) * Factor(r, c), 2e-6, "y");
        t.Check(constant, (r, c) => (At(dx, r, c) - mean[r]) * Factor(r, c), 2e-6, "y with σ constant");
        t.Device.NormDifferential(dx, scale, xhat, inverse, centred, dx);
        t.Check(dx, (r, c) => At(y, r, c), 0, "in place");
    }
}
