namespace Faith.Engine.Metrics;

/// <summary>What is measured at the last position of a prompt.</summary>
public enum MetricKind
{
    /// <summary>Mean logit of the answers minus mean logit of the distractors.</summary>
    LogitDifference,
    /// <summary>Probability of the answers minus probability of the distractors.</summary>
    ProbabilityDifference,
    /// <summary>Mean log-probability of the answers.</summary>
    LogProbability,
    /// <summary>KL(clean run ‖ this run), averaged over the vocabulary.</summary>
    KullbackLeibler,
    /// <summary>Jensen–Shannon divergence between the clean run and this run, averaged over the vocabulary.</summary>
    JensenShannon,
}

/// <summary>Names and properties of the metrics.</summary>
public static class MetricKinds
{
    private static readonly Dictionary<string, MetricKind> ByName = new()
    {
        ["logit-diff"] = MetricKind.LogitDifference,
        ["prob-diff"] = MetricKind.ProbabilityDifference,
        ["logprob"] = MetricKind.LogProbability,
        ["kl"] = MetricKind.KullbackLeibler,
        ["js"] = MetricKind.JensenShannon,
    };

    /// <summary>The names on the command line and in files.</summary>
    public static IReadOnlyCollection<string> Names => ByName.Keys;

    /// <summary>The metric of a name.</summary>
    /// <exception cref="InputException">No such metric.</exception>
    public static MetricKind Parse(string name) => ByName.TryGetValue(name, out var kind)
        ? kind : throw new InputException($"unknown metric '{name}'; known: {string.Join(", ", Names)}");

    /// <summary>The name of a metric.</summary>
    public static string Name(this MetricKind kind) => ByName.First(entry => entry.Value == kind).Key;

    /// <summary>True when the metric compares with the clean run's distribution: it is then its own loss; the others' loss is their negative.</summary>
    public static bool IsDivergence(this MetricKind kind) => kind is MetricKind.KullbackLeibler or MetricKind.JensenShannon;

    /// <summary>True when the metric compares answers with distractors: above 0 the model does the task.</summary>
    public static bool IsDifference(this MetricKind kind) => kind is MetricKind.LogitDifference or MetricKind.ProbabilityDifference;

    /// <summary>The loss of a metric value (method.md §2).</summary>
    public static double Loss(this MetricKind kind, double value) => kind.IsDivergence() ? value : -value;
}
