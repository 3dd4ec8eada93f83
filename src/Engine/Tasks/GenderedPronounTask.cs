namespace Faith.Engine.Tasks;

/// <summary>
/// Gendered pronouns: the pronoun after a person follows the name or noun. The nouns are gendered by meaning (aunt, king), not by
/// stereotype. The corrupted prompt has somebody of the other gender. Held out: a person together with a verb.
/// </summary>
internal sealed class GenderedPronounTask : TaskGenerator
{
    // {0} is the person, {1} a verb and {2} a conjunction.
    private static readonly string[] NounTemplates =
    [
        "The {0} {1} {2}",
        "Yesterday the {0} {1} {2}",
        "In the evening the {0} {1} {2}",
        "My neighbour, the {0}, {1} {2}",
    ];

    private static readonly string[] NameTemplates =
    [
        "Then {0} {1} {2}",
        "Yesterday {0} {1} {2}",
        "In the evening {0} {1} {2}",
        "My neighbour, called {0}, {1} {2}",
    ];

    private static readonly string[] FemaleNouns = Words.Split(
        "aunt queen mother sister daughter niece grandmother widow bride princess duchess countess empress goddess heroine hostess actress " +
        "waitress nun abbess baroness stepmother girl lady");

    private static readonly string[] MaleNouns = Words.Split(
        "uncle king father brother son nephew grandfather widower groom prince duke count emperor god hero host actor waiter monk abbot baron " +
        "stepfather boy gentleman");

    private static readonly string[] Verbs = Words.Split(
        "laughed smiled waited slept cried whispered shouted danced sang cooked paused hesitated nodded shivered yawned stumbled apologised " +
        "protested resigned returned escaped argued complained celebrated rested worked studied travelled swam climbed");

    private static readonly string[] Conjunctions = Words.Split("because after until before while although");

    private static readonly bool[] Either = [false, true];

    // Person and template, so that names and nouns are one list of choices.
    private static readonly (string[] Templates, string[] Female, string[] Male)[] Kinds =
    [
        (NounTemplates, FemaleNouns, MaleNouns),
        (NameTemplates, Names.Female, Names.Male),
    ];

    public override string Name => "gendered-pronoun";

    public override string Description => "pronoun of a person: 'Yesterday the abbess waited because' → she; corrupted: somebody of the other gender";

    // Names outnumber nouns; the shorter list leaves numbers without a prompt.
    private protected override long Size => 2L * 2 * Names.Female.Length * NounTemplates.Length * Verbs.Length * Conjunctions.Length;

    private protected override TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random)
    {
        var (templates, female, male) = Take(ref index, Kinds);
        var isFemale = Take(ref index, Either);
        index = Math.DivRem(index, Names.Female.Length, out var number);
        var (people, others) = isFemale ? (female, male) : (male, female);
        if (number >= people.Length) return null;
        var template = Take(ref index, templates);
        var verb = Take(ref index, Verbs);
        var conjunction = Take(ref index, Conjunctions);
        if (SplitOf(people[number], verb) != split) return null;
        var start = random.Below(others.Length);
        for (var i = 0; i < others.Length; i++)
        {
            var other = others[(start + i) % others.Length];
            // The corrupted prompt is a prompt of the task as well, and must be on the same side.
            if (SplitOf(other, verb) != split) continue;
            string Prompt(string person) => string.Format(null, template, person, verb, conjunction);
            var (answer, distractor) = isFemale ? ("she", "he") : ("he", "she");
            return new(Prompt(people[number]), Prompt(other), Spaced(answer), Spaced(distractor));
        }
        return null;
    }
}
