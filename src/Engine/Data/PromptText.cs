namespace Faith.Engine.Data;

/// <summary>What an example was made from: its texts, null where the data gave token ids.</summary>
/// <param name="Clean">Text of the clean prompt, without the token that starts it.</param>
/// <param name="Corrupted">Text of the corrupted prompt.</param>
/// <param name="Place">Where it stands: "line 3", "example 3".</param>
public readonly record struct PromptText(string? Clean, string? Corrupted, string Place);
