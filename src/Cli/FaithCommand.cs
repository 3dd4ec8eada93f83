using System.CommandLine;

namespace Faith.Cli;

/// <summary>A command with examples for its help.</summary>
internal sealed class FaithCommand(string name, string description, params string[] examples) : Command(name, description)
{
    /// <summary>Command lines, each a working one.</summary>
    public IReadOnlyList<string> Examples { get; } = examples;
}
