namespace Faith.Engine.ScoreFiles;

/// <summary>How a result came about: what it takes to make it again. Everything is optional in a file that is read.</summary>
public sealed record RunRecord
{
    private const int LongestShown = 24;

    /// <summary>Version of the program.</summary>
    public string? Version { get; init; }
    /// <summary>The model as it was named.</summary>
    public string? Model { get; init; }
    /// <summary>Hash of the model's weights.</summary>
    public string? ModelHash { get; init; }
    /// <summary>The data as they were named.</summary>
    public string? Data { get; init; }
    /// <summary>Hash of the data.</summary>
    public string? DataHash { get; init; }
    /// <summary>Method, as on the command line: eap-ig.</summary>
    public string? Method { get; init; }
    /// <summary>Integration steps; null for a method without.</summary>
    public int? Steps { get; init; }
    /// <summary>Quadrature rule: left.</summary>
    public string? Rule { get; init; }
    /// <summary>Metric: logit-diff.</summary>
    public string? Metric { get; init; }
    /// <summary>Ablation: patching.</summary>
    public string? Ablation { get; init; }
    /// <summary>edge, node or neuron.</summary>
    public string? Level { get; init; }
    /// <summary>The device it ran on.</summary>
    public string? Device { get; init; }
    /// <summary>Number of examples.</summary>
    public int? Examples { get; init; }
    /// <summary>|Σ scores of input's edges − (L(corrupted) − L(clean))| / |L(corrupted) − L(clean)| (method.md §4); null where it has no meaning.</summary>
    public double? CompletenessGap { get; init; }
    /// <summary>Wall time.</summary>
    public double? Seconds { get; init; }
    /// <summary>Further settings, name to value, in the order of their names.</summary>
    public IReadOnlyDictionary<string, string> Options { get; init; } = new SortedDictionary<string, string>(StringComparer.Ordinal);

    /// <summary>
    /// The first setting in which another run differs, in words; null where none does and the results are the same. Where it ran and how long it
    /// took is no setting, and neither are the names of model and data, which go by their hashes.
    /// </summary>
    public string? Difference(RunRecord other)
    {
        var (mine, theirs) = (Settings(this), Settings(other));
        // A hash says least: it differs because of something else, where that differs too.
        return mine.Keys.Union(theirs.Keys).OrderBy(name => name.EndsWith("_hash", StringComparison.Ordinal)).Where(name => mine.GetValueOrDefault(name) != theirs.GetValueOrDefault(name))
            .Select(name => $"{PlainText.Short(name.Replace('_', ' '), LongestShown)} {Shown(theirs, name)}, not {Shown(mine, name)}").FirstOrDefault();

        // A file from elsewhere may call an option like a member of the record.
        static Dictionary<string, string> Settings(RunRecord run) => RunRecordJson.Pairs(run with { Model = null, Data = null, Device = null, Seconds = null, CompletenessGap = null })
            .GroupBy(pair => pair.Key).ToDictionary(group => group.Key, group => string.Join(", ", group.Select(pair => pair.Value)));

        static string Shown(Dictionary<string, string> settings, string name) => settings.TryGetValue(name, out var value) ? PlainText.Short(value, LongestShown) : "none";
    }
}
