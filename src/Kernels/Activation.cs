namespace Faith.Kernels;

/// <summary>The nonlinear function φ of an MLP.</summary>
public enum ActivationFunction
{
    /// <summary>GELU in its tanh form ("gelu_new", "gelu_pytorch_tanh").</summary>
    GeluTanh,
    /// <summary>x·sigmoid(x) ("silu", "swish").</summary>
    Silu,
    /// <summary>GELU as it is defined, x·Φ(x) with the normal distribution's Φ ("gelu").</summary>
    GeluErf,
    /// <summary>max(0, x) ("relu").</summary>
    Relu,
}

/// <summary>By what a gradient at φ(u) is multiplied to be one at u.</summary>
public enum ActivationSlope
{
    /// <summary>φ′(u).</summary>
    Derivative,
    /// <summary>φ(u)/u, which is ½ at 0, of relu 0.</summary>
    Ratio,
}

/// <summary>The activation of an MLP. All three are values, so that a device has one operation forwards and one backwards for all of them.</summary>
/// <param name="Function">φ.</param>
/// <param name="Gated">φ(g)⊙u of [g | u] instead of φ(u).</param>
/// <param name="Slope">What stands for the derivative of φ.</param>
public readonly record struct Activation(ActivationFunction Function, bool Gated, ActivationSlope Slope = ActivationSlope.Derivative)
{
    /// <summary>"gated Silu, Ratio".</summary>
    public override string ToString() => $"{(Gated ? "gated " : "")}{Function}{(Slope == ActivationSlope.Ratio ? ", Ratio" : "")}";
}
