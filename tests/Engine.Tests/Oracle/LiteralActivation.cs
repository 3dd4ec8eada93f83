using Faith.Kernels;

namespace Faith.Engine.Tests.Oracle;

/// <summary>Activation functions in float64.</summary>
internal static class LiteralActivation
{
    /// <summary>φ and φ′.</summary>
    public static (Func<double, double> Function, Func<double, double> Derivative) Of(ActivationFunction function) => function switch
    {
        ActivationFunction.GeluTanh => (Gelu, GeluDerivative),
        ActivationFunction.GeluErf => (x => x * NormalDistribution(x), x => NormalDistribution(x) + x * Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI)),
        ActivationFunction.Silu => (Silu, SiluDerivative),
        ActivationFunction.Relu => (x => Math.Max(0, x), x => x > 0 ? 1 : 0),
        _ => throw new NotSupportedException($"{function}"),
    };

    private static double Gelu(double x) => 0.5 * x * (1 + Math.Tanh(GeluArgument(x)));

    private static double GeluDerivative(double x)
    {
        var tanh = Math.Tanh(GeluArgument(x));
        return 0.5 * (1 + tanh) + 0.5 * x * (1 - tanh * tanh) * Math.Sqrt(2 / Math.PI) * (1 + 3 * 0.044715 * x * x);
    }

    private static double GeluArgument(double x) => Math.Sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x);

    /// <summary>Φ, by the series of erf whose terms are all of one sign: ½ + exp(−x²/2)/√2π·Σ x²ⁿ⁺¹/(1·3·…·(2n+1)).</summary>
    private static double NormalDistribution(double x)
    {
        if (Math.Abs(x) > 9) return x < 0 ? 0 : 1; // to 2e-19
        double term = x, sum = x;
        for (var n = 1; Math.Abs(term) > 1e-18 * Math.Abs(sum); n++) sum += term *= x * x / (2 * n + 1);
        return 0.5 + Math.Exp(-x * x / 2) / Math.Sqrt(2 * Math.PI) * sum;
    }

    private static double Silu(double x) => x / (1 + Math.Exp(-x));

    private static double SiluDerivative(double x)
    {
        var sigmoid = 1 / (1 + Math.Exp(-x));
        return sigmoid * (1 + x * (1 - sigmoid));
    }
}
