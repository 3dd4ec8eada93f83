using Faith.Engine.Graphs;

namespace Faith.Engine.Circuits;

/// <summary>The edges with the largest scores, wherever they are.</summary>
internal static class TopSelection
{
    /// <summary>
    /// The <paramref name="count"/> best edges, ties by lower index. The count-th largest key is found digit by digit (a radix
    /// selection: linear, with no bad case); the edges above it are in, those equal to it in order of index while there is room.
    /// </summary>
    public static Circuit Select(EdgeScores scores, int count, bool signed)
    {
        var graph = scores.Graph;
        RankingKeys.CheckCount(graph, count);
        if (count == 0) return Circuit.Empty(graph);
        EdgeId[] edges = [.. graph.AllEdges];
        var keys = Array.ConvertAll(edges, edge => RankingKeys.Of(scores, edge, signed));
        var (bound, equal) = CountLargest(keys, count);
        var chosen = new List<EdgeId>(count);
        for (var i = 0; i < edges.Length; i++)
        {
            if (keys[i] > bound || (keys[i] == bound && equal-- > 0)) chosen.Add(edges[i]);
        }
        return new Circuit(graph, chosen);
    }

    // The count-th largest key, and how many keys equal to it are among the count largest.
    private static (ulong Bound, int Equal) CountLargest(ReadOnlySpan<ulong> keys, int count)
    {
        ulong prefix = 0;
        var histogram = new int[1 << 16];
        for (var shift = 48; shift >= 0; shift -= 16)
        {
            Array.Clear(histogram);
            foreach (var key in keys)
            {
                if (shift == 48 || key >> (shift + 16) == prefix) histogram[(key >> shift) & 0xFFFF]++;
            }
            var digit = histogram.Length - 1;
            while (histogram[digit] < count) count -= histogram[digit--];
            prefix = (prefix << 16) | (uint)digit;
        }
        return (prefix, count);
    }
}
