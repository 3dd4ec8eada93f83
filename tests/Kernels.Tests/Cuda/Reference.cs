namespace Faith.Kernels.Tests.Cuda;

/// <summary>The formulas of <see cref="Device"/> written out in double precision.</summary>
internal static class Reference
{
    public static double[] Map(float[] x, Func<double, double> f) => [.. x.Select(v => f(v))];

    public static double[] Map(float[] x, float[] y, Func<double, double, double> f) => [.. x.Zip(y, (a, b) => f(a, b))];

    public static IEnumerable<double> Row(float[] x, int row, int columns) => x.Skip(row * columns).Take(columns).Select(v => (double)v);

    private static double GeluArgument(double u) => Math.Sqrt(2 / Math.PI) * (u + 0.044715 * u * u * u);

    // ½u(1 + tanh w) = u/(1 + e^(−2w)), which keeps its digits for large negative u.
    public static double Gelu(double u) => u / (1 + Math.Exp(-2 * GeluArgument(u)));

    public static double GeluSlope(double u)
    {
        var s = 1 / (1 + Math.Exp(-2 * GeluArgument(u)));
        return s + u * s * (1 - s) * 2 * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * u * u);
    }

    public static double GeluRatio(double u) => 1 / (1 + Math.Exp(-2 * GeluArgument(u)));

    public static double[] SwiGlu(float[] gateUp, int rows, int width)
    {
        var y = new double[rows * width];
        for (var i = 0; i < y.Length; i++)
        {
            double g = gateUp[i / width * 2 * width + i % width], u = gateUp[i / width * 2 * width + width + i % width];
            y[i] = g / (1 + Math.Exp(-g)) * u;
        }
        return y;
    }

    public static double[] SwiGluGradient(float[] gateUp, float[] dy, int rows, int width)
    {
        var gradient = new double[rows * 2 * width];
        for (var i = 0; i < dy.Length; i++)
        {
            var (gate, up) = (i / width * 2 * width + i % width, i / width * 2 * width + width + i % width);
            double g = gateUp[gate], s = 1 / (1 + Math.Exp(-g));
            gradient[gate] = dy[i] * gateUp[up] * s * (1 + g * (1 - s));
            gradient[up] = dy[i] * g * s;
        }
        return gradient;
    }

    public static double[] SwiGluRatioGradient(float[] gateUp, float[] dy, int rows, int width)
    {
        var gradient = new double[rows * 2 * width];
        for (var i = 0; i < dy.Length; i++)
        {
            var (gate, up) = (i / width * 2 * width + i % width, i / width * 2 * width + width + i % width);
            var half = 0.5 * dy[i] / (1 + Math.Exp(-gateUp[gate]));
            gradient[gate] = half * gateUp[up];
            gradient[up] = half * gateUp[gate];
        }
        return gradient;
    }

    public static (double[] Y, double[] Xhat, double[] InverseSigma) Norm(float[] x, float[] scale, float[]? shift, double epsilon,
        bool centred, int rows, int width)
    {
        var (y, xhat, inverse) = (new double[x.Length], new double[x.Length], new double[rows]);
        for (var r = 0; r < rows; r++)
        {
            var row = Row(x, r, width).ToArray();
            var mean = centred ? row.Average() : 0;
            inverse[r] = 1 / Math.Sqrt(row.Average(v => (v - mean) * (v - mean)) + epsilon);
            for (var j = 0; j < width; j++)
            {
                xhat[r * width + j] = (row[j] - mean) * inverse[r];
                y[r * width + j] = scale[j] * xhat[r * width + j] + (shift?[j] ?? 0);
            }
        }
        return (y, xhat, inverse);
    }

    public static double[] NormGradient(float[] dy, float[] scale, float[] xhat, float[] inverse, bool centred, int rows, int width)
    {
        var dx = new double[dy.Length];
        for (var r = 0; r < rows; r++)
        {
            var h = Enumerable.Range(0, width).Select(j => (double)scale[j] * dy[r * width + j]).ToArray();
            var mean = centred ? h.Average() : 0;
            var along = h.Select((v, j) => v * xhat[r * width + j]).Average();
            for (var j = 0; j < width; j++)
                dx[r * width + j] = (h[j] - mean - xhat[r * width + j] * along) * inverse[r];
        }
        return dx;
    }

    /// <summary>softmax of one row.</summary>
    public static double[] Softmax(IEnumerable<double> logits)
    {
        var x = logits.ToArray();
        var largest = x.Max();
        var e = x.Select(v => Math.Exp(v - largest)).ToArray();
        var sum = e.Sum();
        return [.. e.Select(v => v / sum)];
    }

    /// <summary>log softmax of one row.</summary>
    public static double[] LogSoftmax(IEnumerable<double> logits)
    {
        var x = logits.ToArray();
        var largest = x.Max();
        var total = largest + Math.Log(x.Sum(v => Math.Exp(v - largest)));
        return [.. x.Select(v => v - total)];
    }
}
