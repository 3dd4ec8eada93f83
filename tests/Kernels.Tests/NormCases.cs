using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class NormCases
{
    const float Epsilon = 1e-5f;

    public static IEnumerable<OpCase> All() =>
    [
        .. Both("NormForward", Forward),
        .. Both("NormBackward", Backward),
    ];

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
}
