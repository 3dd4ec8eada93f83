namespace Faith.Kernels;

/// <summary>What an <see cref="Epilogue"/> does with a product y.</summary>
public enum EpilogueKind
{
    /// <summary>Nothing.</summary>
    None,
    /// <summary>Forwards: y = φ(y), operand = φ's slope, unless it is none; gated: operand = φ(g)⊙u of y = [g | u].</summary>
    Activate,
    /// <summary>Backwards: y = y⊙operand; gated: operand = [g | u] becomes the gradients at both.</summary>
    Backward,
}

/// <summary>What follows a matrix product element by element, as <see cref="Device.Activate"/> and, of a gradient, what belongs to it would.</summary>
/// <param name="Kind">Which.</param>
/// <param name="Activation">The activation.</param>
/// <param name="Operand">The other matrix.</param>
public readonly record struct Epilogue(EpilogueKind Kind, Activation Activation, Tensor Operand)
{
    /// <summary>True where y is [g | u] and the operand half as wide.</summary>
    public bool IsGate => Kind == EpilogueKind.Activate && Activation.Gated;

    /// <summary>True where the operand is [g | u], twice as wide as y.</summary>
    public bool IsGateBackward => Kind == EpilogueKind.Backward && Activation.Gated;

    /// <summary>Columns of the operand for a product of this many.</summary>
    public int OperandColumns(int columns) => IsGate ? columns / 2 : IsGateBackward ? checked(2 * columns) : columns;

    /// <summary>"Activate, gated Silu".</summary>
    public override string ToString() => $"{Kind}, {Activation}";
}
