namespace Faith.Engine.Sweeps;

/// <summary>How a cell failed.</summary>
/// <param name="Message">One line that says what is wrong and where.</param>
/// <param name="IsFault">True for a fault of the program, false for bad input.</param>
/// <param name="Host">The machine it failed on.</param>
/// <param name="Attempt">Different for every attempt.</param>
public sealed record CellFailure(string Message, bool IsFault, string Host, string Attempt);
