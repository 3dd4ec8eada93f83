namespace Faith.Engine.Tasks;

/// <summary>
/// Subject-verb agreement: the verb agrees with the head of the subject, whatever the number of the noun between them. Answers are verb
/// forms of the head's number, distractors the same verbs in the other; the corrupted prompt has the head in the other number.
/// Held out: a head together with the noun between.
/// </summary>
internal sealed class SubjectVerbTask : TaskGenerator
{
    // {0} is the head, {1} the noun between; the verbs inside are in the past, which does not show number.
    private static readonly string[] Templates =
    [
        "The {0} near the {1}",
        "The {0} behind the {1}",
        "The {0} beside the {1}",
        "The {0} across from the {1}",
        "The {0} that noticed the {1}",
        "The {0} that the {1} noticed",
        "The {0} that the {1} often praised",
        "The {0} the {1} remembered",
        "Every day the {0} that followed the {1}",
        "Every day the {0} opposite the {1}",
    ];

    private static readonly (string Singular, string Plural)[] Nouns = Words.Pairs(
        "pilot/pilots farmer/farmers singer/singers doctor/doctors teacher/teachers painter/painters sailor/sailors judge/judges " +
        "lawyer/lawyers student/students soldier/soldiers tailor/tailors dentist/dentists gardener/gardeners plumber/plumbers " +
        "writer/writers dancer/dancers clerk/clerks guard/guards butcher/butchers guest/guests visitor/visitors tourist/tourists " +
        "engineer/engineers nurse/nurses horse/horses dog/dogs cat/cats donkey/donkeys monkey/monkeys robot/robots giant/giants " +
        "wizard/wizards dragon/dragons pirate/pirates knight/knights poet/poets barber/barbers hunter/hunters miner/miners");

    private static readonly (string Singular, string Plural)[] Verbs = Words.Pairs("is/are was/were has/have seems/seem looks/look remains/remain");

    private static readonly bool[] Either = [false, true];

    public override string Name => "sva";

    public override string Description => "subject-verb agreement: 'The pilots that the judge noticed' → are, were, have, …; corrupted: the head in the other number";

    private protected override long Size => (long)Templates.Length * Nouns.Length * Nouns.Length * Either.Length * Either.Length;

    private protected override TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random)
    {
        var head = Take(ref index, Nouns);
        var between = Take(ref index, Nouns);
        if (head == between || SplitOf(head.Singular, between.Singular) != split) return null;
        var template = Take(ref index, Templates);
        var plural = Take(ref index, Either);
        var middle = Take(ref index, Either) ? between.Plural : between.Singular;
        string Prompt(bool many) => string.Format(null, template, many ? head.Plural : head.Singular, middle);
        static string[] Forms(bool many) => Spaced([.. Verbs.Select(verb => many ? verb.Plural : verb.Singular)]);
        return new(Prompt(plural), Prompt(!plural), Forms(plural), Forms(!plural));
    }
}
