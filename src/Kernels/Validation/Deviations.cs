using System.Globalization;

namespace Faith.Kernels.Validation;

/// <summary>How far a device was from its referee, by operation.</summary>
public sealed class Deviations
{
    private readonly SortedDictionary<string, (long Calls, double Largest)> operations = new(StringComparer.Ordinal);

    /// <summary>Operations done so far.</summary>
    public long Calls => operations.Values.Sum(o => o.Calls);

    /// <summary>Every operation that was done: how often, and the largest difference of an element over the largest value of its result.</summary>
    public IReadOnlyDictionary<string, (long Calls, double Largest)> Operations => operations;

    /// <summary>Counts a call.</summary>
    internal void Add(string operation, double deviation)
    {
        var (calls, largest) = operations.GetValueOrDefault(operation);
        operations[operation] = (calls + 1, Math.Max(largest, deviation));
    }

    /// <summary>All in one line: "1,234 calls of 12 operations agree; at most 3E-07 of the largest value apart (GeluForward)".</summary>
    public override string ToString()
    {
        if (operations.Count == 0) return "nothing was computed";
        var (name, (_, largest)) = operations.MaxBy(o => o.Value.Largest);
        return string.Create(CultureInfo.InvariantCulture, $"{Calls:N0} calls of {operations.Count} operations agree; at most {largest:0.0E-0} of the largest value apart ({name})");
    }
}
