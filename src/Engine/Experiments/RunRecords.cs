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
    /// <summary>The record of an attribution; <paramref name="settings"/> are further settings of it.</summary>
    public static RunRecord Of(string modelName, TransformerSet models, PromptSet data, AttributionOptions options, AttributionResult result,
        IReadOnlyDictionary<string, string>? settings = null)
    {
        var rule = AttributionMethods.Find(options.Method).Rule(options);
        var further = new SortedDictionary<string, string>((settings ?? new Dictionary<string, string>()).ToDictionary(), StringComparer.Ordinal);
        if (options.AblationData is PromptSet from) (further["ablation_data"], further["ablation_data_hash"]) = (from.Name, from.Hash);
        return new()
        {
            Version = ProgramVersion.Text,
            Model = modelName,
            ModelHash = models.First.Hash,
            Data = data.Name,
            DataHash = data.Hash,
            Method = options.Method,
            Steps = rule is null ? null : options.Steps,
            Rule = rule?.Name(),
            Metric = options.Metric.Name(),
            Ablation = options.Ablation.Name(),
            Level = options.Level.Name(),
            Device = models.DeviceName,
            Examples = data.Count,
            CompletenessGap = result.CompletenessGap,
            Seconds = result.Seconds,
            Options = further,
        };
    }
}
