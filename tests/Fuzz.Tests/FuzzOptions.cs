using System.Globalization;

namespace Faith.Fuzz.Tests;

/// <summary>What is run, by environment variables.</summary>
/// <param name="Target">FAITH_FUZZ_TARGET: one target instead of all.</param>
/// <param name="Seed">FAITH_FUZZ_SEED: one case, or with FAITH_FUZZ_CASES the first of several.</param>
/// <param name="Cases">FAITH_FUZZ_CASES: the cases of all targets together.</param>
internal sealed record FuzzOptions(string? Target, int? Seed, int? Cases)
{
    private const int UsualCases = 20_000;

    public static FuzzOptions FromEnvironment() => new(Text("FAITH_FUZZ_TARGET"), Number("FAITH_FUZZ_SEED"), Number("FAITH_FUZZ_CASES"));

    /// <summary>The targets that are run.</summary>
    public IReadOnlyList<FuzzTarget> Targets()
    {
        if (Target is null) return FuzzTarget.All;
        return FuzzTarget.All.Where(target => target.Name == Target).ToArray() is { Length: 1 } one ? one
            : throw new InvalidOperationException($"FAITH_FUZZ_TARGET={Target}: the targets are {string.Join(", ", FuzzTarget.All.Select(target => target.Name))}");
    }

    /// <summary>The cases of a target: those of an ordinary run come first in every longer one.</summary>
    public Range CasesOf(FuzzTarget target)
    {
        var first = Seed ?? 0;
        if (Seed is not null && Cases is null) return first..(first + 1);
        var shares = Targets().Sum(t => t.Share);
        return first..(first + (int)((long)(Cases ?? UsualCases) * target.Share / shares));
    }

    private static string? Text(string variable) => Environment.GetEnvironmentVariable(variable) is { Length: > 0 } text ? text : null;

    private static int? Number(string variable) => Text(variable) is { } text ? int.Parse(text, NumberStyles.Integer, CultureInfo.InvariantCulture) : null;
}
