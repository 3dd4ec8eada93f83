using Faith.Cli;

if (OpenFiles.TooFew() is { } tooFew)
{
    Console.Error.WriteLine($"faith: {tooFew}");
    return FaithProgram.BadInput;
}
return FaithProgram.RunOnConsole(args);
