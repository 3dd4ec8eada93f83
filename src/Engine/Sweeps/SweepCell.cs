using System.Security.Cryptography;
using System.Text;
using Faith.Engine.Experiments;

namespace Faith.Engine.Sweeps;

/// <summary>One run of a sweep, with all that determines its result.</summary>
public sealed record SweepCell
{
    private const int IdLetters = 16;

    /// <summary>The run.</summary>
    public required RunSpecification Run { get; init; }
    /// <summary>The version of the program that planned it.</summary>
    public required string Version { get; init; }
    /// <summary>Hash of the model's files.</summary>
    public required string ModelHash { get; init; }
    /// <summary>Hash of the data.</summary>
    public required string DataHash { get; init; }
    /// <summary>Hash of the data that the ablation comes from; null: of the data.</summary>
    public string? AblationDataHash { get; init; }
    /// <summary>Operations that cannot be done without, scores and circuits together, in 10⁹; null where they are not counted.</summary>
    public double? Gflop { get; init; }
    /// <summary>Bytes of memory for the parameters and the largest micro-batch; null where they are not planned.</summary>
    public long? Bytes { get; init; }

    /// <summary>The hash of all that determines the result: equal for cells whose files are equal.</summary>
    public string Id => Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(
        $"version={Version}\nmodel-hash={ModelHash}\ndata-hash={DataHash}\nablation-data-hash={AblationDataHash}\n{Run.Identity}")))[..IdLetters];

    /// <summary>The cell in a few words, for tables and messages.</summary>
    public string Label => Run.Wording(RunSettings.Edges);
}
