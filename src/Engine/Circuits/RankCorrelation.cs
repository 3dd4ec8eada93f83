namespace Faith.Engine.Circuits;

/// <summary>Ranks and their agreement.</summary>
internal static class RankCorrelation
{
    /// <summary>Ranks from 1; equal values share the mean of theirs.</summary>
    public static double[] Ranks(double[] values)
    {
        var sorted = (double[])values.Clone();
        var order = Enumerable.Range(0, values.Length).ToArray();
        Array.Sort(sorted, order);
        var ranks = new double[values.Length];
        for (int from = 0, to; from < sorted.Length; from = to)
        {
            for (to = from + 1; to < sorted.Length && sorted[to] == sorted[from];) to++;
            for (var i = from; i < to; i++) ranks[order[i]] = (from + 1 + to) / 2.0;
        }
        return ranks;
    }

    /// <summary>
    /// Kendall's τ-b = (concordant − discordant) / √((pairs − ties in x)(pairs − ties in y)), in O(n log n) (Knight 1966): sorted by
    /// x, then y, the discordant pairs are the exchanges a merge sort by y makes.
    /// </summary>
    public static double TauB(double[] x, double[] y)
    {
        var n = x.Length;
        var order = Enumerable.Range(0, n).ToArray();
        Array.Sort(order, (i, j) => x[i] != x[j] ? x[i].CompareTo(x[j]) : y[i].CompareTo(y[j]));
        double pairs = (double)n * (n - 1) / 2, tiesX = 0, tiesBoth = 0;
        for (int i = 1, runX = 0, runBoth = 0; i < n; i++)
        {
            // The i-th of a run of equals is tied with all of the run before it.
            runX = x[order[i]] == x[order[i - 1]] ? runX + 1 : 0;
            runBoth = runX > 0 && y[order[i]] == y[order[i - 1]] ? runBoth + 1 : 0;
            tiesX += runX;
            tiesBoth += runBoth;
        }
        var sorted = Array.ConvertAll(order, i => y[i]);
        var exchanges = SortCounting(sorted, new double[n]);
        double tiesY = 0;
        for (int i = 1, run = 0; i < n; i++)
        {
            run = sorted[i] == sorted[i - 1] ? run + 1 : 0;
            tiesY += run;
        }
        var difference = pairs - tiesX - tiesY + tiesBoth - 2 * exchanges;
        return pairs == tiesX || pairs == tiesY ? double.NaN : difference / (Math.Sqrt(pairs - tiesX) * Math.Sqrt(pairs - tiesY));
    }

    // Merge sort from the bottom up; each element of a right half passes what is left of the left half.
    private static double SortCounting(double[] values, double[] spare)
    {
        double exchanges = 0;
        for (var width = 1; width < values.Length; width *= 2)
        {
            for (var from = 0; from < values.Length; from += 2 * width)
            {
                int middle = Math.Min(from + width, values.Length), end = Math.Min(middle + width, values.Length);
                for (int left = from, right = middle, to = from; to < end; to++)
                {
                    if (right < end && (left == middle || values[right] < values[left]))
                    {
                        exchanges += middle - left;
                        spare[to] = values[right++];
                    }
                    else spare[to] = values[left++];
                }
            }
            Array.Copy(spare, values, values.Length);
        }
        return exchanges;
    }
}
