namespace Faith.Engine.Tasks;

/// <summary>
/// Greater-than (Hanna, Liu and Variengien, 2023): an end year comes after its start year. Answers are the two-digit years above the
/// start, distractors all the others; the corrupted prompt starts in the year 01. Held out: an event together with its century.
/// </summary>
internal sealed class GreaterThanTask : TaskGenerator
{
    // {0} is an event, {1} a century and {2} a two-digit year.
    private static readonly string[] Templates =
    [
        "The {0} lasted from the year {1}{2} to the year {1}",
        "The {0} went on from {1}{2} to {1}",
        "The records of the {0} cover the years {1}{2} to {1}",
        "The {0} began in {1}{2} and ended in {1}",
    ];

    private static readonly string[] Events = Words.Split(
        "war siege famine drought reign truce expedition crusade dynasty voyage plague rebellion occupation alliance feud dispute harvest " +
        "festival exile apprenticeship survey trial strike blockade tournament pilgrimage migration boom ceremony restoration construction " +
        "experiment negotiation epidemic partnership monopoly embargo regency lease tour");

    private static readonly string[] Centuries = Words.Split("11 12 13 14 15 16 17 18 19");

    private static readonly string[] Years = [.. Enumerable.Range(0, 100).Select(year => year.ToString("00", null))];

    /// <summary>The corrupted start year.</summary>
    private const int Earliest = 1;

    /// <summary>Start years with a year above and, so that clean and corrupted differ, above the corrupted one.</summary>
    private static readonly int[] Starts = [.. Enumerable.Range(Earliest + 1, 98 - Earliest)];

    public override string Name => "greater-than";

    public override string Description => "later year: 'The siege lasted from the year 1352 to the year 13' → 53 … 99; corrupted: starts in the year 01";

    private protected override long Size => (long)Templates.Length * Events.Length * Centuries.Length * Starts.Length;

    public override string[] ContinuationsOfCorrupted(TaskPrompt prompt) => Years[(Earliest + 1)..];

    private protected override TaskPrompt? At(long index, TaskSplit split, ref SplitMix64 random)
    {
        var what = Take(ref index, Events);
        var century = Take(ref index, Centuries);
        // The corrupted prompts do not depend on the year, so holding out years would leave corrupted prompts in both splits.
        if (SplitOf(what, century) != split) return null;
        var template = Take(ref index, Templates);
        var start = Take(ref index, Starts);
        string Prompt(int year) => string.Format(null, template, what, century, Years[year]);
        return new(Prompt(start), Prompt(Earliest), Years[(start + 1)..], Years[..(start + 1)]);
    }
}
