namespace Faith.Engine.Data;

/// <summary>What a run needs of its examples besides the clean prompts. What it does not need may be missing, or be what no run could use.</summary>
/// <param name="Corrupted">What needs corrupted prompts of the clean ones' length, as a message names it ("--ablation patching"); null: nothing does.</param>
/// <param name="Answers">What needs answers ("--metric logprob"); null: nothing does.</param>
/// <param name="Distractors">What needs distractors ("--metric logit-diff"); null: nothing does.</param>
/// <param name="AnyLength">True where nothing pairs the prompts' positions: corrupted prompts may have any number of tokens.</param>
/// <param name="Positions">How positions are told apart, which needs spans or prompts of one length; null: they are not.</param>
public readonly record struct PromptNeeds(string? Corrupted, string? Answers, string? Distractors, bool AnyLength = false, PositionKind? Positions = null)
{
    /// <summary>The clean prompt alone; of the rest what there is, as it stands.</summary>
    public static PromptNeeds Prompts { get; } = new(null, null, null, AnyLength: true);

    /// <summary>Everything.</summary>
    public static PromptNeeds Everything { get; } = new("patching", "the metric", "the metric");
}
