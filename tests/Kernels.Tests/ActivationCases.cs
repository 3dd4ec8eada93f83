using static Faith.Kernels.Tests.CaseContext;

namespace Faith.Kernels.Tests;

internal static class ActivationCases
{
    /// <summary>Every function, gated or not, by either slope.</summary>
    public static IEnumerable<Activation> Every => from function in Enum.GetValues<ActivationFunction>()
                                                  from gated in (bool[])[false, true]
                                                  from slope in Enum.GetValues<ActivationSlope>()
                                                  select new Activation(function, gated, slope);

    public static IEnumerable<OpCase> All()
    {
        foreach (var a in Every)
        {
            OpCase Case(string op, string shape, Action<CaseContext> run) => new(op, $"{a}, {shape}", run);
            IEnumerable<OpCase> RowWise(string op, string more, Action<CaseContext, int, int> run) =>
                OpCases.RowWise(op, 3, run).Select(c => c with { Shape = $"{a}, {c.Shape}{more}" });
            var cases = a.Gated ?
            [
                .. RowWise("Activate", "", (t, rows, f) => Gate(t, a, t.Batch(rows, 2 * f, -20, 20), t.Batch(rows, f))),
                .. RowWise("GateBackward", "", (t, rows, f) => GateBackward(t, a, t.Batch(rows, 2 * f, -20, 20), t.Batch(rows, f), t.Batch(rows, 2 * f))),
                Case("GateBackward", "zero", t => GateBackward(t, a, t.Matrix(2, 10, 0, 0), t.Matrix(2, 5), t.Matrix(2, 10))),
            ] : (IEnumerable<OpCase>)
            [
                .. RowWise("Activate", "", (t, rows, n) => Activate(t, a, t.Batch(rows, n, -8, 8, 0), t.Batch(rows, n, gap: 0), t.Batch(rows, n, gap: 0))),
                .. RowWise("Activate", " strided", (t, rows, n) => Activate(t, a, t.Batch(rows, n, -8, 8, 2), t.Batch(rows, n, gap: 2), t.Batch(rows, n, gap: 2))),
                Case("Activate", "far out", t => Activate(t, a, t.Matrix(2, 65, -300, 300), t.Matrix(2, 65), t.Matrix(2, 65))),
                Case("Activate", "at and about zero", t => Activate(t, a, t.Matrix(2, 9, -1e-20, 0), t.Matrix(2, 9), t.Matrix(2, 9))),
                Case("Activate", "zero", t => Activate(t, a, t.Matrix(1, 17, 0, 0), t.Matrix(1, 17), t.Matrix(1, 17))),
            ];
            foreach (var item in cases) yield return item;
        }
        foreach (var item in OpCases.RowWise("MultiplyElements", 3, (t, rows, n) =>
        {
            Tensor a = t.Batch(rows, n), b = t.Batch(rows, n), y = t.Batch(rows, n);
            t.Device.MultiplyElements(a, b, y);
            t.Check(y, (r, c) => (double)At(a, r, c) * At(b, r, c), 1e-7, "y");
            t.Device.MultiplyElements(a, b, a);
            t.Check(a, (r, c) => At(y, r, c), 0, "y in place of a");
        })) yield return item;
        foreach (var (heads, dh, turned) in new[] { (1, 2, 2), (2, 8, 8), (3, 8, 4), (2, 34, 34), (3, 21, 14), (4, 64, 64), (3, 80, 20), (2, 128, 128) })
        {
            foreach (var interleaved in new[] { false, true })
                yield return new("Rotary", $"{heads} heads of {dh}, {turned} turned{(interleaved ? ", interleaved" : "")}", t => Rotary(t, heads, dh, turned, interleaved), 4);
        }
    }

    static double Sigmoid(double x) => 1 / (1 + Math.Exp(-x));

    /// <summary>φ(u)/u and φ′(u).</summary>
    static (double Ratio, double Derivative) Slopes(Activation a, double u)
    {
        switch (a.Function)
        {
            case ActivationFunction.Relu:
                return u > 0 ? (1, 1) : (0, 0);
            case ActivationFunction.GeluErf:
                var phi = (1 + Erf(u / Math.Sqrt(2))) / 2;
                return (phi, phi + u * Math.Exp(-u * u / 2) / Math.Sqrt(2 * Math.PI));
        }
        // gelu(u) = u·sigmoid(2·inner).
        var inner = a.Function == ActivationFunction.Silu ? u : 2 * Math.Sqrt(2 / Math.PI) * (u + 0.044715 * u * u * u);
        var slope = a.Function == ActivationFunction.Silu ? 1 : 2 * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * u * u);
        var s = Sigmoid(inner);
        return (s, s + u * s * Sigmoid(-inner) * slope);
    }

    /// <summary>erf by its series of positive terms, 2/√π·exp(−x²)·Σ 2ⁿx²ⁿ⁺¹/(1·3·…·(2n+1)).</summary>
    static double Erf(double x)
    {
        if (Math.Abs(x) > 6) return Math.Sign(x); // to 2e-17
        double term = x, sum = x;
        for (var n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++) sum += term *= 2 * x * x / (2 * n + 1);
        return 2 / Math.Sqrt(Math.PI) * Math.Exp(-x * x) * sum;
    }

    static double Slope(Activation a, double u) => a.Slope == ActivationSlope.Ratio ? Slopes(a, u).Ratio : Slopes(a, u).Derivative;

    static void Activate(CaseContext t, Activation a, Tensor u, Tensor y, Tensor slope)
    {
        var before = Values(u);
        double Value(int r, int c) => before[r, c] * Slopes(a, before[r, c]).Ratio;
        t.Device.Activate(a, u, y, slope);
        t.Check(y, Value, 2e-6, "y");
        t.Check(slope, (r, c) => Slope(a, before[r, c]), 4e-6, "slope");
        t.Device.Activate(a, u, u, default);
        t.Check(u, Value, 2e-6, "y in place of u");
    }

    static void Gate(CaseContext t, Activation a, Tensor gateUp, Tensor y)
    {
        var f = y.Columns;
        t.Device.Activate(a, gateUp, y, default);
        t.Check(y, (r, c) => At(gateUp, r, c) * Slopes(a, At(gateUp, r, c)).Ratio * At(gateUp, r, f + c), 1e-6, "y");
    }

    static void GateBackward(CaseContext t, Activation a, Tensor gateUp, Tensor dy, Tensor result)
    {
        var (before, f) = (Values(gateUp), dy.Columns);
        double Expected(int r, int c)
        {
            double g = before[r, c % f], u = before[r, f + c % f], d = At(dy, r, c % f);
            return c < f ? d * u * Slope(a, g) : d * g * Slopes(a, g).Ratio;
        }
        t.Device.GateBackward(a, gateUp, dy, result);
        t.Check(result, Expected, 2e-6, "dGateUp");
        t.Device.GateBackward(a, gateUp, dy, gateUp);
        t.Check(gateUp, Expected, 2e-6, "dGateUp in place");
    }

    static void Rotary(CaseContext t, int heads, int dh, int turned, bool interleaved)
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
                var (pair, isFirst, distance) = interleaved ? (i / 2, i % 2 == 0, 1) : (i % half, i < half, half);
                double cos = At(cosines, p, pair), sin = At(sines, p, pair) * (inverse ? -1 : 1);
                return isFirst ? before[r, c] * cos - before[r, c + distance] * sin : before[r, c] * cos + before[r, c - distance] * sin;
            }
            t.Device.Rotary(x, positions, cosines, sines, dh, interleaved, inverse, y);
            t.Check(y, Expected, 3e-7, "y");
            t.Device.Rotary(x, positions, cosines, sines, dh, interleaved, inverse, x);
            t.Check(x, Expected, 3e-7, "y in place of x");
        }
    }
}
