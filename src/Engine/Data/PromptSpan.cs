namespace Faith.Engine.Data;

/// <summary>A named part of a prompt.</summary>
/// <param name="Name">What it is called.</param>
/// <param name="Start">Its first token, counted from the first of the prompt's own (after a text's begin token).</param>
/// <param name="End">The token after its last: <paramref name="Start"/> where it has none.</param>
public readonly record struct PromptSpan(string Name, int Start, int End);
