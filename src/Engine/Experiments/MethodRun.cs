using Faith.Engine.Attribution;

namespace Faith.Engine.Experiments;

/// <summary>An attribution as the arguments asked for it.</summary>
/// <param name="Result">Its scores.</param>
/// <param name="Options">What was run, with the steps that were found.</param>
/// <param name="Convergence">How the steps were found; null where they were given.</param>
/// <param name="Settings">Further settings for the run record.</param>
public sealed record MethodRun(AttributionResult Result, AttributionOptions Options, ConvergentRun? Convergence, IReadOnlyDictionary<string, string> Settings)
{
    /// <summary>Seconds of everything that was run.</summary>
    public double Seconds => Convergence?.Seconds ?? Result.Seconds;
}
