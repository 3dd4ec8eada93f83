namespace Faith.Engine;

/// <summary>Names that people type: of methods, tasks, models. Case does not matter where it tells no two of them apart, and a misspelt one is answered with the nearest.</summary>
public static class KnownNames
{
    private const int LeastBegin = 2, LongestCompared = 64;

    /// <summary>The known name that was meant: the same, or the only one that differs in case alone; null where there is none.</summary>
    public static string? Find(string given, IEnumerable<string> known)
    {
        ArgumentNullException.ThrowIfNull(known);
        string? found = null;
        var several = false;
        foreach (var name in known)
        {
            if (name == given) return name;
            if (!name.Equals(given, StringComparison.OrdinalIgnoreCase)) continue;
            several = found is not null;
            found = name;
        }
        return several ? null : found;
    }

    /// <summary>"; did you mean …?" for the end of a message, or nothing where no known name is near.</summary>
    public static string Suggest(string given, IEnumerable<string> known)
    {
        string[] names = [.. known];
        var (nearest, distance) = names.Select(name => (name, Distance: Distance(given, name))).DefaultIfEmpty((name: "", Distance: int.MaxValue)).MinBy(n => n.Distance);
        // A third of a name may be wrong, and of a short one a letter; a name cut short is meant too.
        var isNear = distance <= Math.Max(1, Math.Min(given.Length, nearest.Length) / 3);
        var name = isNear ? nearest : Bare(given).Length < LeastBegin ? null : names.FirstOrDefault(n => Bare(n).StartsWith(Bare(given), StringComparison.OrdinalIgnoreCase));
        return name is null ? "" : $"; did you mean {name}?";
    }

    private static string Bare(string name) => name.TrimStart('-');

    /// <summary>Letters to insert, delete, change or exchange with the next one (optimal string alignment), whatever their case.</summary>
    private static int Distance(string a, string b)
    {
        if (a.Length > LongestCompared || b.Length > LongestCompared) return int.MaxValue;
        var d = new int[a.Length + 1, b.Length + 1];
        for (var i = 0; i <= a.Length; i++) d[i, 0] = i;
        for (var j = 0; j <= b.Length; j++) d[0, j] = j;
        for (var i = 1; i <= a.Length; i++)
        {
            for (var j = 1; j <= b.Length; j++)
            {
                var change = Same(i, j) ? 0 : 1;
                d[i, j] = Math.Min(Math.Min(d[i - 1, j], d[i, j - 1]) + 1, d[i - 1, j - 1] + change);
                if (i > 1 && j > 1 && Same(i, j - 1) && Same(i - 1, j)) d[i, j] = Math.Min(d[i, j], d[i - 2, j - 2] + 1);
            }
        }
        return d[a.Length, b.Length];

        bool Same(int i, int j) => char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]);
    }
}
