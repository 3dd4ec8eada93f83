namespace Faith.Engine.Tasks;

/// <summary>One example of a built-in task, as text.</summary>
/// <param name="Clean">The prompt on which a model shows the behaviour.</param>
/// <param name="Corrupted">The same prompt with what the behaviour depends on changed, word for word as long as <paramref name="Clean"/>.</param>
/// <param name="Answers">Right continuations of <paramref name="Clean"/>, with their leading space where they have one.</param>
/// <param name="Distractors">Wrong continuations of <paramref name="Clean"/>, written like <paramref name="Answers"/>.</param>
public sealed record TaskPrompt(string Clean, string Corrupted, string[] Answers, string[] Distractors);
