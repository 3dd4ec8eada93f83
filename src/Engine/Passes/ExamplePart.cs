using System.Collections;
using Faith.Engine.Data;

namespace Faith.Engine.Passes;

/// <summary>Consecutive examples of a data set: what one of several devices works on.</summary>
internal sealed class ExamplePart(IReadOnlyList<Example> all, int first, int count) : IReadOnlyList<Example>
{
    /// <summary>Where the part starts in the data set.</summary>
    public int First { get; } = first;

    /// <summary>How many examples the data set has.</summary>
    public int All => all.Count;

    public int Count => count;

    public Example this[int index] => all[First + index];

    public IEnumerator<Example> GetEnumerator() => all.Skip(First).Take(count).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    /// <summary>Where <paramref name="data"/> starts in the data set that it is a part of, and how many examples that has.</summary>
    public static (int First, int All) PlaceOf(IReadOnlyList<Example> data) => data is ExamplePart part ? (part.First, part.All) : (0, data.Count);

    /// <summary>The number, from 1, that the user knows an example of <paramref name="data"/> by.</summary>
    public static int NumberOf(IReadOnlyList<Example> data, int index) => 1 + index + PlaceOf(data).First;

    /// <summary>At most <paramref name="parts"/> parts, none empty, with about as many suffix rows each.</summary>
    public static ExamplePart[] Split(IReadOnlyList<Example> data, int parts)
    {
        parts = Math.Min(parts, data.Count);
        var rowsBefore = new long[data.Count + 1];
        for (var i = 0; i < data.Count; i++) rowsBefore[i + 1] = rowsBefore[i] + data[i].Clean.Length - data[i].FirstDifference;
        var result = new ExamplePart[parts];
        var start = 0;
        for (var p = 0; p < parts; p++)
        {
            var end = start + 1;
            // As many as bring the rows nearest to the share of the parts so far; one at least is left for each that follows.
            while (end < data.Count - (parts - p - 1) && (p == parts - 1 || (rowsBefore[end] + rowsBefore[end + 1]) * parts <= 2 * rowsBefore[^1] * (p + 1))) end++;
            result[p] = new(data, start, end - start);
            start = end;
        }
        return result;
    }
}
