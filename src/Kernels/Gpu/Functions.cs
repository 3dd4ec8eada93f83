using ILGPU;

namespace Faith.Kernels.Gpu;

/// <summary>The mathematical functions of the kernels, of sums, products and fused multiply-adds alone: the same bits on every GPU.</summary>
internal static class Functions
{
    /// <summary>
    /// e^x = 2^n·2^f, f in [−½, ½], 2^f by a polynomial of degree 6. Relative error below 4e-7 for x in [−87, 88]; 0 below −87, so that no
    /// result is a denormal number; infinite above 88.7.
    /// </summary>
    public static float Exp(float x)
    {
        var n = Exact.Floor(Exact.Fma(x, 1.44269504f, 0.5f));
        var f = Exact.Fma(x, 1.44269504f, -n);
        f = Exact.Fma(x, 1.92596299e-8f, f);
        var p = 1.5403530e-4f;
        p = Exact.Fma(p, f, 1.3333558e-3f);
        p = Exact.Fma(p, f, 9.6181291e-3f);
        p = Exact.Fma(p, f, 5.5504109e-2f);
        p = Exact.Fma(p, f, 2.4022651e-1f);
        p = Exact.Fma(p, f, 6.9314718e-1f);
        p = Exact.Fma(p, f, 1f);
        // Two factors, since 2^n alone leaves the range of float32 above n = 127.
        var half = (int)(n * 0.5f);
        var result = p * Power(half) * Power((int)n - half);
        return x < -87f ? 0f : x > 88.7f ? float.PositiveInfinity : result;
    }

    // 2^n for n in [-126, 127].
    private static float Power(int n) => Interop.IntAsFloat((uint)(n + 127) << 23);

    /// <summary>ln x for normal x > 0: x = 2^n·m, m in [√½, √2), ln m = 2·artanh((m − 1)/(m + 1)) by its series. Relative error below 3e-7.</summary>
    public static float Log(float x)
    {
        var bits = Interop.FloatAsInt(x) - 0x3f3504f3u;
        // Counted from 128 on, so that no negative number is shifted: ILGPU makes the same of a division, which it is not.
        float n = (int)((bits + 0x40000000u) >> 23) - 128, m = Interop.IntAsFloat((bits & 0x7fffff) + 0x3f3504f3u);
        float s = (m - 1f) / (m + 1f), t = s * s;
        var series = Exact.Fma(t, 1f / 11, 1f / 9);
        series = Exact.Fma(t, series, 1f / 7);
        series = Exact.Fma(t, series, 1f / 5);
        series = Exact.Fma(t, series, 1f / 3);
        var tail = 2f * s * t * series;
        return Exact.Fma(n, 0.693147182f, 2f * s + tail - n * 1.90465421e-9f);
    }

    /// <summary>e^x − 1 without cancellation. Relative error below 5e-7.</summary>
    public static float ExpMinusOne(float x)
    {
        // Taylor series to x^7: the next term is below 2^-24 of the first for |x| < 0.35.
        var series = Exact.Fma(x, 1f / 5040, 1f / 720);
        series = Exact.Fma(x, series, 1f / 120);
        series = Exact.Fma(x, series, 1f / 24);
        series = Exact.Fma(x, series, 1f / 6);
        series = Exact.Fma(x, series, 0.5f);
        var small = Exact.Fma(x * x, series, x);
        return x > -0.35f && x < 0.35f ? small : Exp(x) - 1f;
    }

    /// <summary>ln(1 + x) for x > −1: the rounding of 1 + x is undone by the factor x/((1 + x) − 1). Relative error below 6e-7.</summary>
    public static float LogOnePlus(float x)
    {
        float y = 1f + x, rounded = y - 1f;
        return rounded == 0f ? x : Log(y) * (x / rounded);
    }

    /// <summary>
    /// The share of a normal distribution below x, Φ(x) = ½·erfc(−x/√2): erfc(y) = e^(−y²)·t·P(t), t = 1/(1 + y/2), P of degree 8 interpolated at Chebyshev points for
    /// y up to 10. Relative error below 4e-7 for |x| &lt; 3; below, that of e^(−y²), 1e-7·x². The density is e^(−x²/2).
    /// </summary>
    public static float Normal(float x, out float density)
    {
        var y = (x < 0f ? -x : x) * 0.707106781f;
        var t = 1f / Exact.Fma(0.5f, y, 1f);
        var p = -0.059714919f;
        p = Exact.Fma(p, t, 0.28776831f);
        p = Exact.Fma(p, t, -0.493863649f);
        p = Exact.Fma(p, t, 0.28569771f);
        p = Exact.Fma(p, t, -0.0318417575f);
        p = Exact.Fma(p, t, 0.204853655f);
        p = Exact.Fma(p, t, 0.242572893f);
        p = Exact.Fma(p, t, 0.282445042f);
        p = Exact.Fma(p, t, 0.282082674f);
        density = Exp(-0.5f * x * x);
        var tail = 0.5f * density * t * p;
        return x < 0f ? tail : 1f - tail;
    }

    /// <summary>
    /// tanh x, and its derivative 1 − tanh² x: up to 0.625 by the polynomial of Moshier's Cephes library, beyond by 1 − r, r = 2/(e^2|x| + 1), whose
    /// derivative r·(2 − r) does not cancel. Relative error below 5e-7.
    /// </summary>
    public static float Tanh(float x, out float slope)
    {
        var square = x * x;
        var p = Exact.Fma(-5.70498872745e-3f, square, 2.06390887954e-2f);
        p = Exact.Fma(p, square, -5.37397155531e-2f);
        p = Exact.Fma(p, square, 1.33314422036e-1f);
        p = Exact.Fma(p, square, -3.33332819422e-1f);
        var small = Exact.Fma(p * square, x, x);
        var magnitude = x < 0f ? -x : x;
        var r = 2f / (Exp(magnitude + magnitude) + 1f);
        var large = x < 0f ? r - 1f : 1f - r;
        slope = magnitude < 0.625f ? 1f - small * small : r * (2f - r);
        return magnitude < 0.625f ? small : large;
    }

    /// <summary>1/(1 + e^−x), and 1 less it. e^−x is kept finite: the result only ever multiplies numbers that are far from 1e30.</summary>
    public static float Sigmoid(float x, out float complement)
    {
        // Written so that NaN stays NaN.
        var e = Exp(-x < -80f ? -80f : -x > 80f ? 80f : -x);
        var y = 1f / (1f + e);
        complement = e * y;
        return y;
    }
}
