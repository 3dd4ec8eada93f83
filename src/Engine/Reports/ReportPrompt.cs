namespace Faith.Engine.Reports;

/// <summary>An example as a reader sees it.</summary>
/// <param name="Clean">The clean prompt.</param>
/// <param name="Corrupted">The corrupted prompt; null where there is none.</param>
/// <param name="Answers">The first answers.</param>
/// <param name="Distractors">The first distractors.</param>
public sealed record ReportPrompt(string Clean, string? Corrupted, string Answers, string Distractors);
