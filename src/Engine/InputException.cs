namespace Faith.Engine;

/// <summary>
/// Something the user gave is unusable: a file, a line, an option. The message is one line that names the place and what would
/// be right; the program prints it and exits with code 2.
/// </summary>
public sealed class InputException : Exception
{
    /// <summary>An unusable input.</summary>
    public InputException(string message) : base(message) { }

    /// <summary>An unusable input, with the exception that showed it.</summary>
    public InputException(string message, Exception inner) : base(message, inner) { }
}
