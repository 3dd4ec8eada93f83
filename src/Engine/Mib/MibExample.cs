namespace Faith.Engine.Mib;

/// <summary>The texts of an example.</summary>
/// <param name="Clean">The prompt.</param>
/// <param name="Corrupted">The counterfactual prompt.</param>
/// <param name="Good">The right label; its first token counts.</param>
/// <param name="Bad">The wrong label; its first token counts.</param>
internal sealed record MibExample(string Clean, string Corrupted, string Good, string Bad);
