namespace Faith.Engine.Data;

/// <summary>The texts that an example was made from; null where the data gave token ids.</summary>
/// <param name="Clean">Text of the clean prompt, without the token that starts it.</param>
/// <param name="Corrupted">Text of the corrupted prompt.</param>
public readonly record struct PromptText(string? Clean, string? Corrupted);
