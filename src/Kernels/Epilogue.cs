namespace Faith.Kernels;

/// <summary>What an <see cref="Epilogue"/> does with a product y.</summary>
public enum EpilogueKind
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>y = gelu(y), operand = gelu′(y), unless it is none.</summary>
    Gelu,
    /// <summary>y = y⊙operand.</summary>
    Times,
    /// <summary>operand = silu(g)⊙u of y = [g | u].</summary>
    SwiGlu,
    /// <summary>operand = [g | u] becomes [y⊙u⊙silu′(g) | y⊙silu(g)].</summary>
    SwiGluGradient,
    /// <summary>y = gelu(y), operand = gelu(y)/y.</summary>
    GeluRatio,
    /// <summary>operand = [g | u] becomes [½·y⊙u⊙silu(g)/g | ½·y⊙silu(g)].</summary>
    SwiGluRatioGradient,
}

/// <summary>What follows a matrix product element by element; each as the operation of the same name.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Operand">The other matrix.</param>
public readonly record struct Epilogue(EpilogueKind Kind, Tensor Operand)
{
    /// <summary>See <see cref="Device.GeluForward"/>.</summary>
    public static Epilogue Gelu(Tensor derivative) => new(EpilogueKind.Gelu, derivative);
    /// <summary>See <see cref="Device.MultiplyElements"/>.</summary>
    public static Epilogue Times(Tensor factor) => new(EpilogueKind.Times, factor);
    /// <summary>See <see cref="Device.SwiGluForward"/>.</summary>
    public static Epilogue SwiGlu(Tensor result) => new(EpilogueKind.SwiGlu, result);
    /// <summary>See <see cref="Device.SwiGluBackward"/>.</summary>
    public static Epilogue SwiGluGradient(Tensor gateUp) => new(EpilogueKind.SwiGluGradient, gateUp);
    /// <summary>See <see cref="Device.GeluRatioForward"/>.</summary>
    public static Epilogue GeluRatio(Tensor ratio) => new(EpilogueKind.GeluRatio, ratio);
    /// <summary>See <see cref="Device.SwiGluRatioBackward"/>.</summary>
    public static Epilogue SwiGluRatioGradient(Tensor gateUp) => new(EpilogueKind.SwiGluRatioGradient, gateUp);
}
