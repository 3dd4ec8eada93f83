using Faith.Engine.Ablations;
using Faith.Engine.Attribution;
using Faith.Engine.Data;
using Faith.Engine.Metrics;
using Faith.Engine.Passes;
using Faith.Engine.ScoreFiles;

namespace Faith.Engine.Experiments;

/// <summary>Records of how results came about.</summary>
public static class RunRecords
{
    /// <summary>The record of an attribution.</summary>
    /// <param name="run">What was run, with the steps that were found.</param>
    /// <param name="models">The model.</param>
    /// <param name="data">The examples.</param>
    /// <param name="ablationData">Where the ablation came from; null: the data.</param>
    /// <param name="result">What it gave.</param>
    /// <param name="settings">Further settings that no specification has.</param>
    public static RunRecord Of(RunSpecification run, TransformerSet models, PromptSet data, PromptSet? ablationData, AttributionResult result, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentNullException.ThrowIfNull(models);
        ArgumentNullException.ThrowIfNull(result);
        return Planned(run, models.First.Hash, data, ablationData, settings) with { Device = models.DeviceName, CompletenessGap = result.CompletenessGap, Seconds = result.Seconds };
    }

    /// <summary>The same before it is run: without what it gives, and where.</summary>
    public static RunRecord Planned(RunSpecification run, string modelHash, PromptSet data, PromptSet? ablationData, IReadOnlyDictionary<string, string>? settings = null)
    {
        ArgumentNullException.ThrowIfNull(run);
        ArgumentNullException.ThrowIfNull(data);
        var options = run.Scoring;
        var method = AttributionMethods.Find(options.Method);
        var rule = method.Rule(options);
        var further = new SortedDictionary<string, string>((settings ?? new Dictionary<string, string>()).ToDictionary(), StringComparer.Ordinal);
        foreach (var setting in RunSettings.All.Where(s => s.Field is null))
        {
            if (setting.Get(run) is { } value && value != setting.Unsaid) further[setting.RecordName] = value;
        }
        if (ablationData is not null) (further["ablation_data"], further["ablation_data_hash"]) = (ablationData.Name, ablationData.Hash);
        return new()
        {
            Version = ProgramVersion.Text,
            Model = run.Model,
            ModelHash = modelHash,
            Data = data.Name,
            DataHash = data.Hash,
            Method = options.Method,
            Steps = rule is null ? null : method.StepsOf(options),
            Rule = rule?.Name(),
            Metric = options.Metric.Name(),
            Ablation = options.Ablation.Name(),
            Level = options.Level.Name(),
            Examples = data.Count,
            Options = further,
        };
    }
}
