using Faith.Cli;

return FaithProgram.RunOnConsole(args);
