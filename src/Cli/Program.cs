using Faith.Engine.Experiments;
using Faith.Cli;

return FaithProgram.RunOnConsole(args);
