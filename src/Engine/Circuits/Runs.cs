using System.Collections;

namespace Faith.Engine.Circuits;

/// <summary>Consecutive places that one operation can take together.</summary>
/// <param name="start">The first place.</param>
/// <param name="count">How many places there are.</param>
/// <param name="continues">True where a place belongs to the run of the place before it.</param>
internal sealed class Runs(int start, int count, Func<int, bool> continues) : IEnumerable<(int First, int Count)>
{
    public IEnumerator<(int First, int Count)> GetEnumerator()
    {
        var first = start;
        for (var i = start + 1; i <= start + count; i++)
        {
            if (i < start + count && continues(i)) continue;
            yield return (first, i - first);
            first = i;
        }
    }

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
