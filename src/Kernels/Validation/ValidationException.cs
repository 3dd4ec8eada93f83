namespace Faith.Kernels.Validation;

/// <summary>An operation gave another result than the referee's; the message names it, its operands and the first element that differs.</summary>
public sealed class ValidationException(string message) : Exception(message);
