namespace Faith.Engine.Data;

/// <summary>One example of a task, as token ids.</summary>
/// <param name="Clean">The prompt on which the model shows the behaviour.</param>
/// <param name="Corrupted">The same prompt with what the behaviour depends on changed; as many tokens as <paramref name="Clean"/>.</param>
/// <param name="Answers">Tokens that are right at the last position.</param>
/// <param name="Distractors">Tokens that are wrong there.</param>
public sealed record Example(int[] Clean, int[] Corrupted, int[] Answers, int[] Distractors)
{
    /// <summary>False where the data gave no corrupted prompt, or none that a run could use: the clean one, the same array, stands in.</summary>
    public bool HasCorrupted => !ReferenceEquals(Clean, Corrupted);

    /// <summary>Tokens before the prompt's own: 1 where the tokenizer's begin token stands before a text, else 0.</summary>
    public int BeginTokens { get; init; }

    /// <summary>The named parts of the prompt; null where the data give none, or the run needed none.</summary>
    public IReadOnlyList<PromptSpan>? Spans { get; init; }

    /// <summary>The number of the span of every position, in a run that tells positions apart (<see cref="Positions"/>); null in others.</summary>
    internal int[]? SpanOf { get; init; }

    /// <summary>First position at which clean and corrupted differ; the last position when they do not differ before it.</summary>
    public int FirstDifference
    {
        get
        {
            for (var i = 0; i < Clean.Length - 1; i++)
            {
                if (Clean[i] != Corrupted[i]) return i;
            }
            return Clean.Length - 1;
        }
    }
}
