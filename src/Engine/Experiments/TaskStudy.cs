using Faith.Engine.Attribution;
using Faith.Engine.Circuits;
using Faith.Engine.Data;
using Faith.Engine.Graphs;
using Faith.Engine.Metrics;
using Faith.Engine.Models;
using Faith.Engine.Passes;

namespace Faith.Engine.Experiments;

/// <summary>One task studied with one model: does the model do it, what do EAP and EAP-IG find, and how faithful is it by size?</summary>
public sealed record TaskStudy
{
    /// <summary>Random circuits of each size.</summary>
    private const int RandomCircuitsOfSize = 5;
    /// <summary>What a circuit of a good size keeps at least.</summary>
    private const double GoodFaithfulness = 0.85;
    private static readonly double[] Mantissas = [1, 1.5, 2, 3, 5, 7];

    /// <summary>The run by EAP-IG.</summary>
    public required LoadedRun Run { get; init; }
    /// <summary>The examples.</summary>
    public PromptSet Data => Run.Data;
    /// <summary>Whether the model does the task.</summary>
    public required Accuracy Accuracy { get; init; }
    /// <summary>What EAP-IG found.</summary>
    public required AttributionResult EapIg { get; init; }
    /// <summary>What EAP found.</summary>
    public required AttributionResult Eap { get; init; }
    /// <summary>Edges asked for.</summary>
    public required IReadOnlyList<int> Sizes { get; init; }
    /// <summary>Circuits by the scores of EAP-IG.</summary>
    public required SizeSweep EapIgSweep { get; init; }
    /// <summary>Circuits by the scores of EAP.</summary>
    public required SizeSweep EapSweep { get; init; }
    /// <summary>Random circuits with as many edges as those of EAP-IG.</summary>
    public required SizeSweep RandomSweep { get; init; }
    /// <summary>Seconds of all circuits together.</summary>
    public required double CircuitSeconds { get; init; }

    /// <summary>All sweeps, the best method first.</summary>
    public IReadOnlyList<SizeSweep> Sweeps => [EapIgSweep, EapSweep, RandomSweep];

    /// <summary>Steps of EAP-IG.</summary>
    public int EapIgSteps => AttributionMethods.Find(Run.Specification.Scoring.Method).StepsOf(Run.Specification.Scoring)!.Value;

    /// <summary>What speaks against the scores of EAP-IG, or null.</summary>
    public string? Doubt => Run.Doubt(EapIg);

    /// <summary>A circuit of the study, to ask whether faithfulness is defined: clean and corrupted are the same for all.</summary>
    public Faithfulness AnyCircuit => EapIgSweep.Points[0].Results[0];

    /// <summary>The smallest circuit of EAP-IG that keeps most of the behaviour; where none does, the one that keeps most.</summary>
    public int ChosenIndex
    {
        get
        {
            var means = EapIgSweep.Means;
            var good = Array.FindIndex(means, f => f >= GoodFaithfulness);
            return good >= 0 ? good : Array.IndexOf(means, means.Max());
        }
    }

    /// <summary>Runs everything.</summary>
    /// <param name="run">The run by EAP-IG.</param>
    /// <param name="choice">Where.</param>
    /// <param name="progress">Told how far it is.</param>
    /// <param name="cancellation">Stops it.</param>
    public static TaskStudy Make(LoadedRun run, DeviceChoice choice, IProgress<RunProgress>? progress, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(choice);
        var model = run.Model.OnAll(choice);
        var accuracy = Accuracy.Measure(model.First, run.Data, choice.MemoryBytes, cancellation);
        var eapIg = run.Score(choice, progress, cancellation);
        var eap = run.By("eap").Score(choice, progress, cancellation);

        var sizes = SizesOf(model.Graph);
        var found = sizes.Select(n => CircuitSelection.Greedy(eapIg.Scores, n, signed: false)).ToArray();
        Circuit[][] circuits =
        [
            found,
            [.. sizes.Select(n => CircuitSelection.Greedy(eap.Scores, n, signed: false))],
            .. found.Select(c => Enumerable.Range(0, RandomCircuitsOfSize).Select(seed => RandomCircuits.Sample(model.Graph, c.EdgeCount, (ulong)seed)).ToArray()),
        ];
        var clock = System.Diagnostics.Stopwatch.StartNew();
        var all = run.Evaluate([.. circuits.SelectMany(c => c)], choice, progress, cancellation);
        return new TaskStudy
        {
            Run = run,
            Accuracy = accuracy,
            EapIg = eapIg,
            Eap = eap,
            Sizes = sizes,
            EapIgSweep = new("EAP-IG", [.. found.Select((c, i) => new SweepPoint([c], [all[i]]))]),
            EapSweep = new("EAP", [.. circuits[1].Select((c, i) => new SweepPoint([c], [all[sizes.Length + i]]))]),
            RandomSweep = new("random", [.. circuits[2..].Select((c, i) => new SweepPoint(c, [.. all.Skip(2 * sizes.Length + i * RandomCircuitsOfSize).Take(RandomCircuitsOfSize)]))]),
            CircuitSeconds = clock.Elapsed.TotalSeconds,
        };
    }

    /// <summary>Sizes at even distances on a logarithmic axis, from ten edges to nearly all.</summary>
    private static int[] SizesOf(ModelGraph graph)
    {
        var sizes = new List<int>();
        for (var power = 10; power < graph.Edges; power *= 10) sizes.AddRange(Mantissas.Select(m => (int)(m * power)).Where(n => n < graph.Edges));
        return sizes.Count > 0 ? [.. sizes] : [graph.Edges];
    }
}
