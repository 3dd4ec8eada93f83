namespace Faith.Engine.Tasks;

/// <summary>
/// Indirect object identification (Wang et al., 2023): of two names, the one that is not repeated comes next. The corrupted prompt has
/// a third name for the repeated one, so both of the first two are as likely. Held out: pairs of names.
/// </summary>
internal sealed class IndirectObjectTask : TaskGenerator
{
    // {0} and {1} are the two names, {2} the one that acts, {3} a place and {4} a thing.
    private static readonly string[] Templates =
    [
        "When {0} and {1} went to the {3}, {2} gave a {4} to",
        "After {0} and {1} had lunch at the {3}, {2} handed a {4} to",
        "While {0} and {1} were waiting near the {3}, {2} passed a {4} to",
        "As {0} and {1} sat outside the {3}, {2} showed a {4} to",
        "Before {0} and {1} left the {3}, {2} brought a {4} to",
        "Once {0} and {1} had found the {3}, {2} offered a {4} to",
        "Last week {0} met {1} at the {3}. Later {2} sent a {4} to",
        "Today {0} and {1} walked home from the {3}, and {2} lent a {4} to",
    ];

    private static readonly string[] Places = Words.Split(
        "market harbour library museum beach airport bakery theatre castle farm forest gallery gym lake zoo pharmacy river stadium temple " +
        "village workshop cinema");

    private static readonly string[] Things = Words.Split(
        "book lamp coin letter sandwich map ticket pencil scarf candle bottle camera flower guitar hat jacket key ladder mirror necklace " +
        "parcel photo pillow rope spoon towel violin wallet whistle ball");

    private static readonly bool[] Either = [false, true];

    public override string Name => "ioi";

    public override string Description => "indirect object: 'When Ida and Leo went to the lake, Leo gave a map to' → Ida; corrupted: a third name acts";

    private protected override long Size => (long)Names.All.Length * Names.All.Length * Either.Length * Templates.Length * Places.Length * Things.Length;

    public override string[] ContinuationsOfCorrupted(TaskPrompt prompt) => [.. prompt.Answers, .. prompt.Distractors];

    private protected override TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random)
    {
        var first = Take(ref index, Names.All);
        var second = Take(ref index, Names.All);
        if (first == second || SplitOf(Ordered(first, second)) != split) return null;
        var template = Take(ref index, Templates);
        var place = Take(ref index, Places);
        var thing = Take(ref index, Things);
        var (actor, answer) = Take(ref index, Either) ? (first, second) : (second, first);
        string third;
        do third = Names.All[random.Below(Names.All.Length)]; while (third == first || third == second);
        string Prompt(string who) => string.Format(null, template, first, second, who, place, thing);
        return new(Prompt(actor), Prompt(third), Spaced(answer), Spaced(actor));
    }

    /// <summary>The pair, the same whichever name comes first: having seen "Ida and Leo" would tell much about "Leo and Ida".</summary>
    private static string[] Ordered(string a, string b) => string.CompareOrdinal(a, b) < 0 ? [a, b] : [b, a];
}
