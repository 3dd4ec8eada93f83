namespace Faith.Kernels.Validation;

/// <summary>What an operation does with an operand.</summary>
internal enum OperandRole
{
    /// <summary>Reads it.</summary>
    Read,
    /// <summary>Sets it or adds to it.</summary>
    Written,
    /// <summary>Leaves anything there.</summary>
    Scratch,
}
