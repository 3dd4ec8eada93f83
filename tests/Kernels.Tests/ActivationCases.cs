using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class ActivationCases
{
    public static IEnumerable<OpCase> All() =>
    [
        .. OpCases.RowWise("GeluForward", 3, (t, rows, n) => Gelu(t, rows, n, 0)),
        .. OpCases.RowWise("GeluForward", 3, (t, rows, n) => Gelu(t, rows, n, 2)).Select(c => c with { Shape = c.Shape + " strided" }),
        new("GeluForward", "far out", t => Gelu(t, t.Matrix(2, 65, -300, 300), t.Matrix(2, 65), t.Matrix(2, 65))),
        .. OpCases.RowWise("GeluRatioForward", 3, (t, rows, n) => GeluRatio(t, t.Batch(rows, n, -8, 8), t.Batch(rows, n), t.Batch(rows, n))),
        new("GeluRatioForward", "far out", t => GeluRatio(t, t.Matrix(2, 65, -300, 300), t.Matrix(2, 65), t.Matrix(2, 65))),
        new("GeluRatioForward", "at and about zero", t => GeluRatio(t, t.Matrix(2, 9, -1e-20, 0), t.Matrix(2, 9), t.Matrix(2, 9))),
        new("GeluRatioForward", "zero", t => GeluRatio(t, t.Matrix(1, 17, 0, 0), t.Matrix(1, 17), t.Matrix(1, 17))),
        .. OpCases.RowWise("MultiplyElements", 3, (t, rows, n) =>
        {
            Tensor dy = t.Batch(rows, n), derivative = t.Batch(rows, n), du = t.Batch(rows, n);
            t.Device.MultiplyElements(dy, derivative, du);
            t.Check(du, (r, c) => (double)At(dy, r, c) * At(derivative, r, c), 1e-7, "du");
            t.Device.MultiplyElements(dy, derivative, dy);
            t.Check(dy, (r, c) => At(du, r, c), 0, "du in place of dy");
        }),
        .. OpCases.RowWise("SwiGluForward", 3, (t, rows, f) =>
        {
            Tensor gateUp = t.Batch(rows, 2 * f, -20, 20), y = t.Batch(rows, f);
            t.Device.SwiGluForward(gateUp, y);
            t.Check(y, (r, c) => At(gateUp, r, c) * Sigmoid(At(gateUp, r, c)) * At(gateUp, r, f + c), 1e-6, "y");
        }),
        .. OpCases.RowWise("SwiGluBackward", 3, (t, rows, f) =>
        {
            Tensor gateUp = t.Batch(rows, 2 * f, -20, 20), dy = t.Batch(rows, f), result = t.Batch(rows, 2 * f);
            var before = Values(gateUp);
            double Expected(int r, int c)
            {
                double g = before[r, c % f], u = before[r, f + c % f], s = Sigmoid(g), d = At(dy, r, c % f);
                return c < f ? d * u * s * (1 + g * (1 - s)) : d * g * s;
            }
            t.Device.SwiGluBackward(gateUp, dy, result);
            t.Check(result, Expected, 2e-6, "dGateUp");
            t.Device.SwiGluBackward(gateUp, dy, gateUp);
            t.Check(gateUp, Expected, 2e-6, "dGateUp in place");
        }),
        .. OpCases.RowWise("SwiGluRatioBackward", 3, (t, rows, f) => SwiGluRatio(t, t.Batch(rows, 2 * f, -20, 20), t.Batch(rows, f), t.Batch(rows, 2 * f))),
        new("SwiGluRatioBackward", "zero", t => SwiGluRatio(t, t.Matrix(2, 10, 0, 0), t.Matrix(2, 5), t.Matrix(2, 10))),
        .. new[] { (1, 2, 2), (2, 8, 8), (3, 8, 4), (2, 34, 34), (4, 64, 64), (3, 80, 20), (2, 128, 128) }.Select(s =>
            new OpCase("Rotary", $"{s.Item1} heads of {s.Item2}, {s.Item3} turned", t => Rotary(t, s.Item1, s.Item2, s.Item3), 4)),
    ];

    static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    static void Gelu(CaseContext t, int rows, int n, int gap)
    {
        Tensor u = t.Batch(rows, n, -8, 8, gap), y = t.Batch(rows, n, gap: gap), derivative = t.Batch(rows, n, gap: gap);
        Gelu(t, u, y, derivative);
    }

    static void Gelu(CaseContext t, Tensor u, Tensor y, Tensor derivative)
    {
        var before = Values(u);
        double Inner(double x) => Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);
        double Value(int r, int c) => 0.5 * before[r, c] * (1 + Math.Tanh(Inner(before[r, c])));
        double Slope(int r, int c)
        {
            double x = before[r, c], tanh = Math.Tanh(Inner(x));
            return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
        }
        t.Device.GeluForward(u, y, derivative);
        t.Check(y, Value, 2e-6, "y");
        t.Check(derivative, Slope, 4e-6, "derivative");
        t.Device.GeluForward(u, u, default);
        t.Check(u, Value, 2e-6, "y in place of u");
    }

    static void GeluRatio(CaseContext t, Tensor u, Tensor y, Tensor ratio)
    {
        var before = Values(u);
        double Value(int r, int c) => 0.5 * before[r, c] * (1 + Math.Tanh(Math.Sqrt(2 / Math.PI) * (before[r, c] + 0.044715 * Math.Pow(before[r, c], 3))));
        t.Device.GeluRatioForward(u, y, ratio);
        t.Check(y, Value, 2e-6, "y");
        t.Check(ratio, (r, c) => before[r, c] == 0 ? 0.5 : Value(r, c) / before[r, c], 4e-6, "ratio");
        t.Device.GeluRatioForward(u, u, ratio);
        t.Check(u, Value, 2e-6, "y in place of u");
    }

    static void SwiGluRatio(CaseContext t, Tensor gateUp, Tensor dy, Tensor result)
    {
        var (before, f) = (Values(gateUp), dy.Columns);
        double Expected(int r, int c)
        {
            double g = before[r, c % f], u = before[r, f + c % f], s = Sigmoid(g), d = At(dy, r, c % f) / 2;
            return c < f ? d * u * s : d * g * s;
        }
        t.Device.SwiGluRatioBackward(gateUp, dy, result);
        t.Check(result, Expected, 2e-6, "dGateUp");
        t.Device.SwiGluRatioBackward(gateUp, dy, gateUp);
        t.Check(gateUp, Expected, 2e-6, "dGateUp in place");
    }

    static void Rotary(CaseContext t, int heads, int dh, int turned)
    {
        int half = turned / 2, rows = 4;
        Tensor x = t.Batch(rows, heads * dh), cosines = t.Matrix(9, half), sines = t.Matrix(9, half), y = t.Batch(rows, heads * dh);
        var positions = t.BatchIndices(8, 0, 5, 5);
        foreach (var inverse in new[] { false, true })
        {
            var before = Values(x);
            double Expected(int r, int c)
            {
                int i = c % dh, p = At(positions, r);
                if (i >= 2 * half) return before[r, c];
                double cos = At(cosines, p, i % half), sin = At(sines, p, i % half) * (inverse ? -1 : 1);
                return i < half ? before[r, c] * cos - before[r, c + half] * sin : before[r, c] * cos + before[r, c - half] * sin;
            }
            t.Device.Rotary(x, positions, cosines, sines, dh, inverse, y);
            t.Check(y, Expected, 3e-7, "y");
            t.Device.Rotary(x, positions, cosines, sines, dh, inverse, x);
            t.Check(x, Expected, 3e-7, "y in place of x");
        }
    }
}
