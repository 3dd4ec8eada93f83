using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Graphs;

namespace Faith.Engine.Experiments;

/// <summary>Other methods whose scores make one ranking with those of a run's own (<see cref="ScoreCombination"/>).</summary>
public sealed record MethodCombination
{
    private const int Most = 20;
    private const string Separator = " by ";

    private MethodCombination(IReadOnlyList<string> methods, string way) => (Methods, Way) = (methods, way);

    /// <summary>The other methods, by name.</summary>
    public IReadOnlyList<string> Methods { get; }

    /// <summary>The way, by its name in <see cref="ScoreCombination.All"/>.</summary>
    public string Way { get; }

    /// <summary>Reads what <see cref="ToString"/> writes; the mean unless a way is given.</summary>
    /// <exception cref="InputException">A method or the way is not known.</exception>
    public static MethodCombination Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var cut = text.IndexOf(Separator, StringComparison.Ordinal);
        var (names, way) = cut < 0 ? (text, ScoreCombination.All.Keys.First()) : (text[..cut], text[(cut + Separator.Length)..].Trim());
        var methods = names.Split('+', StringSplitOptions.TrimEntries);
        if (methods.Length > Most) throw new InputException($"combine names {methods.Length} methods; at most {Most} are combined");
        return new([.. methods.Select(name => Known(name, [.. AttributionMethods.All.Select(m => m.Name)], "method"))], Known(way, [.. ScoreCombination.All.Keys], "way to combine"));
    }

    /// <summary>One ranking of the scores of all.</summary>
    public EdgeScores Of(IReadOnlyList<EdgeScores> scores) => ScoreCombination.All[Way](scores);

    /// <summary>As it is written in a study: gim+exact by rank.</summary>
    public override string ToString() => $"{string.Join('+', Methods)}{Separator}{Way}";

    private static string Known(string text, IReadOnlyCollection<string> known, string what) =>
        KnownNames.Find(text, known) ?? throw new InputException($"combine: {PlainText.Short(text)} is no {what} that is known; known: {string.Join(", ", known)}{KnownNames.Suggest(text, known)}");
}
